"""Patches of Secrets Manager: secrets without a value, and rotation by a function.

Secrets without a value
    AWS: CreateSecret without a value makes no version. GetSecretValue of a version without a value answers
    ResourceNotFoundException, which shows a rotation function that it has to make the value.
    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    MiniStack: makes a current version without a value and returns it.
    Here: there is no such version, and GetSecretValue answers with the exception.

Rotation
    AWS: RotateSecret makes a version without a value, labelled AWSPENDING, and calls the function for four steps.
    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
    MiniStack: makes a copy of the current version the current one and calls no function.
    Here: the function runs its steps before RotateSecret returns. If a step fails, RotateSecret returns its error; AWS
    would write it only to the function's log. Nothing rotates by schedule.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

from local.emulator import patching

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

_MODULE = "ministack.services.secretsmanager"
_RESPONSES = "ministack.core.responses"
_LAMBDA = "ministack.services.lambda_svc"
_OK = 200
_PENDING = "AWSPENDING"
_PRINCIPAL = "secretsmanager.amazonaws.com"

_Response = tuple[int, dict[str, str], bytes]


def patch() -> None:
    """Patch creation, reading and rotation of secrets."""
    patching.replace(_MODULE, "_store_new_secret", _without_empty_version)
    patching.replace(_MODULE, "_get_secret_value", _only_values)
    patching.replace(_MODULE, "_rotate_secret", _started)
    patching.replace(_MODULE, "handle_request", _finished)


def _error(code: str, message: str) -> _Response:
    return patching.attribute(_RESPONSES, "error_response_json")(code, message, 400)


def _without_empty_version(original: Callable[..., tuple[str, str]]) -> Callable[..., tuple[str, str | None]]:
    def store(name: str, secret_string: str | None = None, secret_binary: str | None = None, **more: Any) -> Any:
        arn, version_id = original(name, secret_string=secret_string, secret_binary=secret_binary, **more)
        if secret_string is not None or secret_binary is not None:
            return arn, version_id
        patching.attribute(_MODULE, "_secrets")[name]["Versions"].clear()
        return arn, None

    return store


def _only_values(original: Callable[[dict[str, Any]], _Response]) -> Callable[[dict[str, Any]], _Response]:
    def get(request: dict[str, Any]) -> _Response:
        response = original(request)
        if response[0] != _OK or {"SecretString", "SecretBinary"} & json.loads(response[2]).keys():
            return response
        which = request.get("VersionId") or request.get("VersionStage", "AWSCURRENT")
        return _error("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {which}")

    return get


def _started(original: Callable[[dict[str, Any]], _Response]) -> Callable[[dict[str, Any]], _Response]:
    def rotate(request: dict[str, Any]) -> _Response:
        _, secret = patching.attribute(_MODULE, "_resolve")(request.get("SecretId"))
        if secret is None or secret.get("DeletedDate") or secret.get("_PrimaryRegion"):
            return original(request)  # which answers with the error
        function = request.get("RotationLambdaARN") or secret["RotationLambdaARN"]
        if function is None:
            return _error("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
        if not _may_invoke(function, secret["ARN"]):
            return _error(
                "AccessDeniedException",
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
                f"access to the principal {_PRINCIPAL}",
            )
        secret["RotationLambdaARN"] = function
        secret["RotationRules"] = request.get("RotationRules") or secret["RotationRules"]
        secret["RotationEnabled"] = True
        response = {"ARN": secret["ARN"], "Name": secret["Name"]}
        if request.get("RotateImmediately", True):
            response["VersionId"] = request.get("ClientRequestToken") or str(uuid.uuid4())
            patching.attribute(_MODULE, "_remove_stage_everywhere")(secret, _PENDING)
            secret["Versions"][response["VersionId"]] = {
                "SecretString": None,
                "SecretBinary": None,
                "CreatedDate": secret["LastChangedDate"],
                "Stages": [_PENDING],
            }
        return patching.attribute(_RESPONSES, "json_response")(response)

    return rotate


def _finished(original: Callable[..., Awaitable[_Response]]) -> Callable[..., Awaitable[_Response]]:
    run = patching.attribute("ministack.core.concurrency", "run_reentrant")

    async def handle(method: str, path: str, headers: dict[str, str], *more: Any) -> _Response:
        response = await original(method, path, headers, *more)
        if headers.get("x-amz-target") == "secretsmanager.RotateSecret" and response[0] == _OK:
            started = json.loads(response[2])
            failure = await run(_run_steps, started["ARN"], started["VersionId"]) if "VersionId" in started else None
            if failure:
                return _error("InvalidRequestException", failure)
        return response

    return handle


def _run_steps(secret_arn: str, version_id: str) -> str | None:
    """Call the function for each step; return why one of them failed."""
    _, secret = patching.attribute(_MODULE, "_resolve")(secret_arn)
    function = secret["RotationLambdaARN"]
    record, config, _ = patching.attribute(_LAMBDA, "_get_func_record_for_ref")(function)
    if record is None:
        return f"the rotation function {function} does not exist"
    record = patching.attribute(_LAMBDA, "_execution_record_for_config")(record, config)
    for step in STEPS:
        event = {"Step": step, "SecretId": secret_arn, "ClientRequestToken": version_id}
        result = patching.attribute(_LAMBDA, "_execute_function_with_config_scope")(record, event)
        if result.get("error"):
            error: Any = result.get("body")
            return f"the rotation function failed in {step}: {error.get('errorType')}: {error.get('errorMessage')}"
    return None


def _may_invoke(function: str, secret_arn: str) -> bool:
    found = patching.attribute(_LAMBDA, "function_policy_for_arn")(function)
    statements: list[dict[str, Any]] = found[0]["Statement"] if found else []
    return any(_allows(statement, function, secret_arn) for statement in statements)


def _allows(statement: dict[str, Any], function: str, secret_arn: str) -> bool:
    """Return whether a statement (in the form of AddPermission) allows this function to rotate this secret."""
    if statement["Principal"] != {"Service": _PRINCIPAL} or statement["Resource"] != function:
        return False
    conditions: dict[str, dict[str, str]] = statement.get("Condition", {})
    source_arn = conditions.get("ArnLike", {}).get("AWS:SourceArn", "*")
    account = conditions.get("StringEquals", {}).get("AWS:SourceAccount", secret_arn.split(":")[4])
    return fnmatchcase(secret_arn, source_arn) and account == secret_arn.split(":")[4]
