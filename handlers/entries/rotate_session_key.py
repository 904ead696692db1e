"""Makes the keys that sign upload sessions: the Lambda that Secrets Manager calls in four steps to rotate a secret.

Source: Secrets Manager guide, "Lambda rotation functions". A step that comes again changes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from handlers.aws.environment import read_environment
from handlers.storage.session_keys import CURRENT, KEY_BYTES, SigningKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PENDING = "AWSPENDING"


@dataclass(frozen=True)
class RotateSessionKeyEnvironment:
    """Set by the SessionKey component."""

    session_key_secret: str
    """Its ARN."""


@cache
def _environment() -> RotateSessionKeyEnvironment:
    return read_environment(RotateSessionKeyEnvironment)


class InvalidRotation(Exception):
    """The call is not one that Secrets Manager makes during a rotation."""


def handle(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda's signature
    """Do one step for the version that is to become current; raises InvalidRotation for any other."""
    step, secret_id, version_id = event["Step"], event["SecretId"], event["ClientRequestToken"]
    ours = _environment().session_key_secret
    if secret_id != ours:
        raise InvalidRotation(f"{secret_id} is not the secret that this function rotates, {ours}.")
    client = boto3.client("secretsmanager")
    versions = client.describe_secret(SecretId=secret_id)["VersionIdsToStages"]
    stages = versions.get(version_id, [])
    if CURRENT in stages:
        return  # rotated in already
    if PENDING not in stages:
        raise InvalidRotation(f"Version {version_id} of {secret_id} is not {PENDING}: start with RotateSecret.")
    match step:
        case "createSecret":
            _create(client, secret_id, version_id)
        case "setSecret":
            pass  # only the readers of the secret need the key
        case "testSecret":
            _test(client, secret_id, version_id)
        case "finishSecret":
            _finish(client, secret_id, version_id, versions)
        case _:
            raise InvalidRotation(f"{step!r} is no step of a rotation.")


def _create(client: "SecretsManagerClient", secret_id: str, version_id: str) -> None:
    """Make a key, unless an earlier try has. Its id is the version's, so that a token names the key that signed it."""
    try:
        _pending_value(client, secret_id, version_id)
    except client.exceptions.ResourceNotFoundException:  # the version exists, but has no value
        client.put_secret_value(
            SecretId=secret_id,
            ClientRequestToken=version_id,
            SecretString=SigningKey(version_id, secrets.token_bytes(KEY_BYTES)).to_secret(),
            VersionStages=[PENDING],
        )


def _test(client: "SecretsManagerClient", secret_id: str, version_id: str) -> None:
    """Read the value as its readers will; raises ValueError for one that they could not use."""
    key = SigningKey.from_secret(_pending_value(client, secret_id, version_id))
    if key.key_id != version_id:
        raise InvalidRotation(f"Version {version_id} of {secret_id} holds the key of version {key.key_id}.")


def _finish(
    client: "SecretsManagerClient", secret_id: str, version_id: str, versions: Mapping[str, Sequence[str]]
) -> None:
    """Make the version current; Secrets Manager makes the one before AWSPREVIOUS. The first rotation has none."""
    current = next((version for version, stages in versions.items() if CURRENT in stages), None)
    replaced = {} if current is None else {"RemoveFromVersionId": current}
    client.update_secret_version_stage(SecretId=secret_id, VersionStage=CURRENT, MoveToVersionId=version_id, **replaced)


def _pending_value(client: "SecretsManagerClient", secret_id: str, version_id: str) -> str:
    answer = client.get_secret_value(SecretId=secret_id, VersionId=version_id, VersionStage=PENDING)
    return answer["SecretString"]
