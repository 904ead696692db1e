"""Secrets, and their rotation, which begins as soon as it is set up."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list


def _arn(made: Made) -> str:
    return made.responses["CreateSecret"]["ARN"]


def _secret(made: Made) -> Mapping[str, Any]:
    return {"arn": _arn(made), "rotationEnabled": False}


def _recovery(days: Given) -> Mapping[str, Any]:
    """The provider deletes at once where the window is 0 days, which AWS calls by another name."""
    return {"RecoveryWindowInDays": days} if days.value else {"ForceDeleteWithoutRecovery": True}


TABLE = {
    "aws:secretsmanager/secret:Secret": Row(
        service="secretsmanager",
        create=Call(operation="CreateSecret", moves={"tags": tag_list()}),
        update=(Call(operation="UpdateSecret", also=lambda made: {"SecretId": made.id}),),
        replace_on=("name",),
        delete=Call(
            operation="DeleteSecret",
            moves={"recoveryWindowInDays": _recovery},
            also=lambda made: {"SecretId": made.id},
        ),
        id=_arn,
        outputs=_secret,
        autoname=Autoname(limit=512),
        provider_only={"recoveryWindowInDays": "how long a deleted secret can still be restored"},
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": Row(
        service="secretsmanager",
        create=Call(operation="RotateSecret"),
        repeatable=True,
        replace_on=("secretId",),
        delete=None,  # the rotation ends with its secret; MiniStack has no CancelRotateSecret
        id=by("secretId"),
        outputs=lambda _: {"rotationEnabled": True},
        defaults={"rotateImmediately": True},
        not_emulated={"rotationRules": "the secret is rotated now and when it is asked for, but not by a schedule"},
    ),
}
