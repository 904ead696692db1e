"""API Gateway's REST APIs, and the account's setting that their logs need."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.openapi_import import clear_api, import_openapi
from local.resources.parameters import Given, Move
from local.resources.rows import Autoname, Call, Made, Row, patch

# https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html: paths below /{resource}/{method}
_METHOD_SETTINGS = {
    "metricsEnabled": "metrics/enabled",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
    "cachingEnabled": "caching/enabled",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cacheDataEncrypted": "caching/dataEncrypted",
    "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
    "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
}
_LOG_LEVELS = ("OFF", "ERROR", "INFO")


def _rest_api(made: Made) -> Mapping[str, Any]:
    api = made.responses["CreateRestApi"]
    return {
        "arn": f"arn:aws:apigateway:{made.account.region}::/restapis/{api['id']}",
        "executionArn": made.account.arn("execute-api", api["id"]),
        "rootResourceId": made.responses["GetResources"]["items"][0]["id"],
        "createdDate": api["createdDate"].isoformat(),
    }


def _import_body(made: Made) -> None:
    """Get the root resource, which its children need, and import the body."""
    client = made.account.client("apigateway")
    made.responses["GetResources"] = client.get_resources(restApiId=made.id)
    if "body" in made.inputs:
        root_id = made.responses["GetResources"]["items"][0]["id"]
        import_openapi(client, made.id, root_id, made.given.child("body"))


def _overwrite_body(made: Made) -> None:
    """Remove what the former document described, then import the new one."""
    clear_api(made.account.client("apigateway"), made.id)
    _import_body(made)


def _compression(size: Given) -> Mapping[str, Any]:
    """Pulumi has it as text, so that it can be left out again."""
    if not str(size.value).isdecimal():
        raise size.refuse("must be a number of bytes, as text")
    return {"minimumCompressionSize": replace(size, value=int(size.value))}


def _security_policy(made: Made) -> Mapping[str, Any]:
    """Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html."""
    inputs = made.inputs
    policy = str(inputs.get("securityPolicy", ""))
    if policy.startswith("SecurityPolicy_") != ("endpointAccessMode" in inputs):
        given = made.given.child("securityPolicy" if policy else "endpointAccessMode")
        raise given.refuse("must come with endpointAccessMode and begin with SecurityPolicy_, or neither")
    is_edge = inputs.get("endpointConfiguration", {}).get("types", "EDGE") == "EDGE"
    if policy.startswith("SecurityPolicy_") and policy.endswith("_EDGE") != is_edge:
        raise made.given.child("securityPolicy").refuse("must end in _EDGE for an edge-optimized API, and only there")
    return {}


def _endpoint_type(kind: Given) -> Mapping[str, Any]:
    return {"types": [kind]}


def _access_logs(settings: Given) -> Mapping[str, Any]:
    """Rules for the format: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html."""
    parts = settings.children()
    for name, part in parts.items():
        if name not in ("destinationArn", "format"):
            raise part.refuse("is not an input that apigateway UpdateStage takes; remove it")
    if "format" in parts and not {"$context.requestId", "$context.extendedRequestId"} & set(
        _words(str(parts["format"].value))
    ):
        raise parts["format"].refuse("must contain $context.requestId or $context.extendedRequestId")
    return {"patchOperations": [patch(f"/accessLogSettings/{name}", part) for name, part in parts.items()]}


def _words(text: str) -> list[str]:
    return "".join(character if character.isalnum() or character in "$." else " " for character in text).split()


def _patched(path: str) -> Move:
    return lambda value: {"patchOperations": [patch(path, value)]}


def _stage(made: Made) -> Mapping[str, Any]:
    api_id, stage = made.inputs["restApi"], made.inputs["stageName"]
    return {
        "arn": f"arn:aws:apigateway:{made.account.region}::/restapis/{api_id}/stages/{stage}",
        "executionArn": made.account.arn("execute-api", f"{api_id}/{stage}"),
        "invokeUrl": f"{made.account.endpoint}/_aws/execute-api/{api_id}/{stage}",
    }


def _method_settings(made: Made) -> Mapping[str, Any]:
    path = made.given.child("methodPath")
    if "/" not in str(path.value):
        raise path.refuse("must be <resource>/<method>, with ~1 for each slash in the resource, or */* for all")
    operations: list[dict[str, Any]] = []
    for name, setting in made.given.child("settings").children().items():
        if name not in _METHOD_SETTINGS:
            raise setting.refuse(f"is not a method setting; use one of {', '.join(_METHOD_SETTINGS)}")
        if name == "loggingLevel" and setting.value not in _LOG_LEVELS:
            raise setting.refuse(f"must be one of {', '.join(_LOG_LEVELS)}")
        operations.append(patch(f"/{path.value}/{_METHOD_SETTINGS[name]}", setting))
    return {"patchOperations": operations}


def _elsewhere(given: Given) -> Mapping[str, Any]:
    """Let the call's `also` place the input."""
    del given
    return {}


TABLE = {
    "aws:apigateway/restApi:RestApi": Row(
        service="apigateway",
        create=Call(
            operation="CreateRestApi",
            moves={
                "body": _elsewhere,
                "minimumCompressionSize": _compression,
                "endpointConfiguration.types": _endpoint_type,
            },
            also=_security_policy,
        ),
        after=_import_body,
        update=(
            Call(
                operation="UpdateRestApi",
                moves={
                    "body": _elsewhere,  # overwritten below
                    "name": _patched("/name"),
                    "description": _patched("/description"),
                    "minimumCompressionSize": _patched("/minimumCompressionSize"),
                },
                also=lambda made: {"restApiId": made.id},
            ),
        ),
        after_update=_overwrite_body,
        delete=Call(operation="DeleteRestApi", also=lambda made: {"restApiId": made.id}),
        id=lambda made: made.responses["CreateRestApi"]["id"],
        outputs=_rest_api,
        autoname=Autoname(limit=255),
        not_emulated={
            "securityPolicy": "the embedded AWS answers plain HTTP on loopback",
            "endpointAccessMode": "there is no TLS handshake with a host to compare",
        },
        provider_only={
            "failOnWarnings": "what to do about an import's warnings; here anything unknown is an error",
            "putRestApiMode": "merge or overwrite, which is the same for a new API",
        },
    ),
    "aws:apigateway/deployment:Deployment": Row(
        service="apigateway",
        create=Call(operation="CreateDeployment", moves={"restApi": "restApiId"}),
        id=lambda made: made.responses["CreateDeployment"]["id"],
        outputs=lambda made: {"createdDate": made.responses["CreateDeployment"]["createdDate"].isoformat()},
        replace_on=("restApi", "triggers", "variables"),
        delete=Call(
            operation="DeleteDeployment", moves={"restApi": "restApiId"}, also=lambda made: {"deploymentId": made.id}
        ),
        provider_only={"triggers": "shows when to deploy again"},
    ),
    "aws:apigateway/stage:Stage": Row(
        service="apigateway",
        create=Call(
            operation="CreateStage",
            moves={
                "restApi": "restApiId",
                "stageName": "stageName",
                "deployment": "deploymentId",
                "xrayTracingEnabled": "tracingEnabled",
            },
        ),
        then=(
            Call(
                operation="UpdateStage",
                moves={"restApi": "restApiId", "stageName": "stageName", "accessLogSettings": _access_logs},
                when="accessLogSettings",
            ),
        ),
        update=(
            Call(
                operation="UpdateStage",
                moves={
                    "restApi": "restApiId",
                    "stageName": "stageName",
                    "deployment": _patched("/deploymentId"),
                    "xrayTracingEnabled": _patched("/tracingEnabled"),
                    "description": _patched("/description"),
                },
            ),
        ),
        replace_on=("restApi", "stageName"),
        delete=Call(operation="DeleteStage", moves={"restApi": "restApiId", "stageName": "stageName"}),
        id=lambda made: f"ags-{made.inputs['restApi']}-{made.inputs['stageName']}",
        outputs=_stage,
        not_emulated={
            "accessLogSettings": "the settings are stored, but no access log is written",
            "xrayTracingEnabled": "no traces are recorded",
        },
    ),
    "aws:apigateway/methodSettings:MethodSettings": Row(
        service="apigateway",
        create=Call(
            operation="UpdateStage",
            moves={"restApi": "restApiId", "methodPath": _elsewhere, "settings": _elsewhere},
            also=_method_settings,
        ),
        repeatable=True,
        replace_on=("restApi", "stageName", "methodPath"),
        delete=None,  # the settings go with their stage
        id=lambda made: f"{made.inputs['restApi']}-{made.inputs['stageName']}-{made.inputs['methodPath']}",
        not_emulated={
            "settings.loggingLevel": "no execution log is written",
            "settings.metricsEnabled": "no metrics of the API are recorded",
        },
    ),
    "aws:apigateway/account:Account": Row(
        service="apigateway",
        create=Call(
            operation="UpdateAccount",
            moves={"cloudwatchRoleArn": _patched("/cloudwatchRoleArn")},
        ),
        repeatable=True,
        delete=None,  # an account always has its settings
        id=lambda _: "api-gateway-account",
    ),
}
