"""A secret is rotated by its function.

AWS: RotateSecret begins a version without a value, labelled AWSPENDING, and has the function do four steps for it.
Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
MiniStack: makes a copy of the current version the current one, and calls nobody.
Here: the function does its steps before RotateSecret is answered. A step that fails is the answer, while AWS would
write it to the function's log alone; nothing rotates by schedule.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any

from local.emulator import patching
from local.emulator.patches.secret_values import MODULE, Answer, refuse

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

_LAMBDA = "ministack.services.lambda_svc"
_OK = 200
_PENDING = "AWSPENDING"
_PRINCIPAL = "secretsmanager.amazonaws.com"


def patch() -> None:
    """Begin a version in RotateSecret, and let the function make and finish it."""
    patching.replace(MODULE, "_rotate_secret", _begun)
    patching.replace(MODULE, "handle_request", _finished)


def _begun(original: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    def rotate(request: dict[str, Any]) -> Answer:
        _, secret = patching.attribute(MODULE, "_resolve")(request.get("SecretId"))
        if secret is None or secret.get("DeletedDate") or secret.get("_PrimaryRegion"):
            return original(request)  # which refuses
        function = request.get("RotationLambdaARN") or secret["RotationLambdaARN"]
        if function is None:
            return refuse("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
        if not _may_invoke(function, secret["ARN"]):
            return refuse(
                "AccessDeniedException",
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
                f"access to the principal {_PRINCIPAL}",
            )
        secret["RotationLambdaARN"] = function
        secret["RotationRules"] = request.get("RotationRules") or secret["RotationRules"]
        secret["RotationEnabled"] = True
        answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
        if request.get("RotateImmediately", True):
            answer["VersionId"] = request.get("ClientRequestToken") or str(uuid.uuid4())
            patching.attribute(MODULE, "_remove_stage_everywhere")(secret, _PENDING)
            secret["Versions"][answer["VersionId"]] = {
                "SecretString": None,
                "SecretBinary": None,
                "CreatedDate": secret["LastChangedDate"],
                "Stages": [_PENDING],
            }
        return patching.attribute("ministack.core.responses", "json_response")(answer)

    return rotate


def _finished(original: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    run = patching.attribute("ministack.core.concurrency", "run_reentrant")

    async def handle(method: str, path: str, headers: dict[str, str], *more: Any) -> Answer:
        answer = await original(method, path, headers, *more)
        if headers.get("x-amz-target") == "secretsmanager.RotateSecret" and answer[0] == _OK:
            begun = json.loads(answer[2])
            failure = await run(_do_steps, begun["ARN"], begun["VersionId"]) if "VersionId" in begun else None
            if failure:
                return refuse("InvalidRequestException", failure)
        return answer

    return handle


def _do_steps(secret_arn: str, version_id: str) -> str | None:
    """Have the function do all steps; returns why one of them failed."""
    _, secret = patching.attribute(MODULE, "_resolve")(secret_arn)
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
    """Tell whether a statement, as AddPermission writes them, is for this secret's rotation by this function."""
    if statement["Principal"] != {"Service": _PRINCIPAL} or statement["Resource"] != function:
        return False
    conditions: dict[str, dict[str, str]] = statement.get("Condition", {})
    source_arn = conditions.get("ArnLike", {}).get("AWS:SourceArn", "*")
    account = conditions.get("StringEquals", {}).get("AWS:SourceAccount", secret_arn.split(":")[4])
    return fnmatchcase(secret_arn, source_arn) and account == secret_arn.split(":")[4]
