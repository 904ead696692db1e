"""Requests that API Gateway rejects before their integration.

Size
    AWS: a body over 10 MB gets the gateway response REQUEST_TOO_LARGE, status 413. The limit cannot be raised.
    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
    MiniStack: accepts any size.
    Here: the same gateway response, with the API's own body and headers.

Validation
    AWS: the body is validated with the model of its content type, or not at all if there is none (`$default` stands
    for all). `$context.error.validationErrorString` lists every violation in the words of the Java library
    json-schema-validator.
    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
    MiniStack: validates a body of any content type with the model for application/json, and leaves the variable as it
    is.
    Here: both as on AWS. The words for the common keywords are AWS's; the others are the jsonschema package's.

Tokens
    AWS: a user pool authorizer treats the token as an ID token unless the method names OAuth scopes. An access token
    gets 401.
    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enable-cognito-user-pool.html
    MiniStack: accepts access tokens too.
    Here: the same error as for an invalid token.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

import jsonschema
import referencing
import referencing.jsonschema

from local.emulator import patching
from local.emulator.patches.api_gateway import calls

LIMIT_BYTES = 10 * 1024 * 1024


def patch() -> None:
    """Check size, body and token as API Gateway does."""
    patching.replace(calls.MODULE, "_execute_in_scope", _with_limit)
    patching.replace(calls.MODULE, "_check_request_validation", _explained)
    patching.replace(calls.MODULE, "_validate_cognito_authorizer", _id_tokens_only)


def _with_limit(
    original: Callable[..., Awaitable[calls.Response]],
) -> Callable[..., Awaitable[calls.Response]]:
    stages = patching.attribute(calls.MODULE, "_stages_v1")

    async def execute(request: dict[str, Any], *arguments: Any) -> calls.Response:
        api_id, stage_name, _method, _path, _headers, body, *_ = arguments
        stage = stages.get(api_id, {}).get(stage_name)
        if stage is None or len(body) <= LIMIT_BYTES:
            return await original(request, *arguments)
        request["stage"] = stage  # the stage's deployment holds the gateway responses
        return calls.error("REQUEST_TOO_LARGE", f"HTTP content length exceeded {LIMIT_BYTES} bytes.")

    return execute


def _id_tokens_only(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def validate(authorizer: Any, method: dict[str, Any], *arguments: Any) -> Any:
        claims, error = await original(authorizer, method, *arguments)
        if error is None and not method.get("authorizationScopes") and claims.get("token_use") != "id":
            return None, calls.error("UNAUTHORIZED", "Unauthorized")
        return claims, error

    return validate


def _explained(original: Callable[..., Any]) -> Callable[..., Any]:
    media_type_of = patching.attribute(calls.MODULE, "_header_ci")
    schema_of = patching.attribute(calls.MODULE, "_model_schema")

    def check(method: dict[str, Any], *arguments: Any) -> calls.Response | None:
        api_id, _request, headers, body, _query = arguments
        media_type = (media_type_of(headers, "content-type") or "application/json").split(";", 1)[0].strip()
        models: dict[str, str] = method.get("requestModels") or {}
        model = models.get(media_type) or models.get("$default")
        chosen = {media_type: model} if model else {}
        error = original(method | {"requestModels": chosen}, *arguments)
        if error is not None and error.response_type == "BAD_REQUEST_BODY":
            error.validation_errors = explain(body, schema_of(api_id, model), schema_of)
        return error

    return check


def explain(body: bytes, schema: Mapping[str, Any], schema_of: Callable[[str, str], Any]) -> str:
    """Return all violations in AWS's form: `[first, second]`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        return f"[Could not parse request body into json: {error}]"

    def retrieve(uri: str) -> referencing.Resource[Any]:
        """Find the model that a `$ref` names: `https://apigateway.amazonaws.com/restapis/ID/models/NAME`."""
        *_, api_id, _models, name = uri.split("/")
        return referencing.jsonschema.DRAFT4.create_resource(schema_of(api_id, unquote(name)))

    registry: referencing.Registry[Any] = referencing.Registry(retrieve=cast("Any", retrieve))
    validator = jsonschema.Draft4Validator(
        schema, registry=registry, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )
    errors = cast("Any", validator).iter_errors(document)
    return "[" + ", ".join(dict.fromkeys(map(_message, errors))) + "]"


def _message(error: Any) -> str:
    limit, found = error.validator_value, error.instance
    match error.validator:
        case "required":
            text = f"object has missing required properties ({_json(sorted(set(limit) - set(found)))})"
        case "additionalProperties":
            unknown = sorted(set(found) - set(error.schema.get("properties", {})))
            text = f"object instance has properties which are not allowed by the schema: {_json(unknown)}"
        case "type":
            allowed = _json(limit if isinstance(limit, list) else [limit])
            text = f"instance type ({_type(found)}) does not match any allowed primitive type (allowed: {allowed})"
        case "enum":
            text = f"instance value ({_json(found)}) not found in enum (possible values: {_json(limit)})"
        case "pattern":
            text = f"ECMA 262 regex {_json(limit)} does not match input string {_json(found)}"
        case "minLength":
            text = f"string {_json(found)} is too short (length: {len(found)}, required minimum: {limit})"
        case "maxLength":
            text = f"string {_json(found)} is too long (length: {len(found)}, maximum allowed: {limit})"
        case "minimum":
            text = f"numeric instance is lower than the required minimum (minimum: {limit}, found: {found})"
        case "maximum":
            text = f"numeric instance is greater than the required maximum (maximum: {limit}, found: {found})"
        case _:
            text = str(error.message)
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _type(value: Any) -> str:
    names = {"bool": "boolean", "dict": "object", "float": "number", "int": "integer", "list": "array", "str": "string"}
    return names.get(value.__class__.__name__, "null")
