"""A secret that was made without a value has none.

AWS: CreateSecret without a value makes no version, and GetSecretValue of a version without one answers
ResourceNotFoundException, by which a rotation function knows that it has to make the value.
Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
MiniStack: makes a current version without a value, and answers with it.
Here: there is no such version, and such an answer becomes the exception.
"""

import json
from collections.abc import Callable
from typing import Any

from local.emulator import patching

MODULE = "ministack.services.secretsmanager"

Answer = tuple[int, dict[str, str], bytes]

_OK = 200


def patch() -> None:
    """Drop the version that nobody gave a value, and refuse to read one."""
    patching.replace(MODULE, "_store_new_secret", _without_an_empty_version)
    patching.replace(MODULE, "_get_secret_value", _only_values)


def refuse(code: str, message: str) -> Answer:
    """Answer as MiniStack refuses a request."""
    return patching.attribute("ministack.core.responses", "error_response_json")(code, message, 400)


def _without_an_empty_version(original: Callable[..., tuple[str, str]]) -> Callable[..., tuple[str, str | None]]:
    def store(name: str, secret_string: str | None = None, secret_binary: str | None = None, **more: Any) -> Any:
        arn, version_id = original(name, secret_string=secret_string, secret_binary=secret_binary, **more)
        if secret_string is not None or secret_binary is not None:
            return arn, version_id
        patching.attribute(MODULE, "_secrets")[name]["Versions"].clear()
        return arn, None

    return store


def _only_values(original: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    def get(request: dict[str, Any]) -> Answer:
        answer = original(request)
        if answer[0] != _OK or {"SecretString", "SecretBinary"} & json.loads(answer[2]).keys():
            return answer
        which = request.get("VersionId") or request.get("VersionStage", "AWSCURRENT")
        return refuse("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {which}")

    return get
