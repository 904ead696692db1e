"""KMS keys and their aliases."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import json_text
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list


def _key_id(made: Made) -> str:
    return made.responses["CreateKey"]["KeyMetadata"]["KeyId"]


def _key(made: Made) -> Mapping[str, Any]:
    return {"arn": made.responses["CreateKey"]["KeyMetadata"]["Arn"], "keyId": _key_id(made)}


TABLE = {
    "aws:kms/key:Key": Row(
        service="kms",
        create=Call(
            operation="CreateKey",
            moves={
                "policy": json_text("Policy"),
                "customerMasterKeySpec": "KeySpec",
                "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
                "tags": tag_list(key="TagKey", value="TagValue"),
            },
        ),
        then=(
            Call(
                operation="EnableKeyRotation",
                moves={"enableKeyRotation": lambda _: {}, "rotationPeriodInDays": "RotationPeriodInDays"},
                when="enableKeyRotation",
                also=lambda made: {"KeyId": made.id},
            ),
        ),
        update=(
            Call(operation="PutKeyPolicy", moves={"policy": json_text("Policy")}, also=lambda made: {"KeyId": made.id}),
        ),
        replace_on=("customerMasterKeySpec", "keyUsage", "multiRegion"),
        delete=Call(
            operation="ScheduleKeyDeletion",
            moves={"deletionWindowInDays": "PendingWindowInDays"},
            also=lambda made: {"KeyId": made.id},
        ),
        id=_key_id,
        outputs=_key,
        provider_only={"deletionWindowInDays": "how long a deleted key can still be restored"},
        not_emulated={"enableKeyRotation": "keys are not rotated"},
    ),
    "aws:kms/alias:Alias": Row(
        service="kms",
        create=Call(operation="CreateAlias", moves={"name": "AliasName"}),
        update=(Call(operation="UpdateAlias", moves={"name": "AliasName"}),),
        replace_on=("name",),
        delete=Call(operation="DeleteAlias", moves={"name": "AliasName"}),
        id=by("name"),
        outputs=lambda made: {"arn": made.account.arn("kms", made.inputs["name"])},
        autoname=Autoname(limit=256, prefix="alias/"),
    ),
}
