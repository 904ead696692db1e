"""Request validation follows the content type and says what is wrong.

AWS: the body is validated by the model of its own content type, and not at all if there is none (`$default`
stands for all); `$context.error.validationErrorString` lists every violation, as the Java library
json-schema-validator words them.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
MiniStack: validates a body of any content type by the model for application/json, and leaves the variable.
Here: both as on AWS. The wording for the common keywords is AWS's; that of others is the jsonschema package's.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

import jsonschema
import referencing
import referencing.jsonschema

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call


def patch() -> None:
    """Validate by content type, and explain a refusal."""
    patching.replace(gateway_call.MODULE, "_check_request_validation", _explained)


def _explained(original: Callable[..., Any]) -> Callable[..., Any]:
    media_type_of = patching.attribute(gateway_call.MODULE, "_header_ci")
    schema_of = patching.attribute(gateway_call.MODULE, "_model_schema")

    def check(method: dict[str, Any], *arguments: Any) -> gateway_call.Answer | None:
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
    """Return all violations as AWS lists them: `[first, second]`."""
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
