"""Integrations with mapping templates: MOCK, and `AWS` integrations of services.

MOCK
    AWS: the request template's `statusCode` chooses the integration response. Its template and parameters are
    evaluated. A request template without a statusCode is a configuration error.
    MiniStack: sends the response's template without evaluating it.
    Here: both templates are evaluated, with `$context.responseOverride`.

AWS services
    AWS: `arn:aws:apigateway:REGION:SERVICE:action/OPERATION` renders the request template, calls the operation with
    the credentials of the integration's role, and maps the response, also an error, by its status.
    MiniStack: answers 504 for every service but Lambda and SQS.
    Here: the emulator is called over HTTP with a session of the role, so IAM decides. Services with a JSON protocol
    are supported (DynamoDB, Step Functions, EventBridge, Kinesis and others).
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from local.emulator import patching
from local.emulator.patches.api_gateway import aws_call, calls, java
from local.emulator.patches.api_gateway.templates import BodyNotJson, Rendered, Source, TemplateRefused, find, render

_JSON = "application/json"
_DEFAULT_TIMEOUT_MS = 29_000  # https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html
# API Gateway also accepts `{ statusCode: 200 }`, as the CDK writes it.
_STATUS_CODE = re.compile(r"[\"']?statusCode[\"']?\s*:\s*[\"']?(\d{3})\b")
_log = logging.getLogger(__name__)


def patch() -> None:
    """Handle MOCK integrations, and those that MiniStack passes to Lambda although they name another service."""
    patching.replace(calls.MODULE, "_invoke_mock_v1", _mock)
    patching.replace(calls.MODULE, "_invoke_lambda_custom_v1", _with_services)


def _mock(_original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(integration: dict[str, Any]) -> calls.Response:
        source = calls.current().source
        try:
            status = _STATUS_CODE.search(_map_request(integration, source).body)
            if status is None:
                raise _misconfigured("the request template of a MOCK integration must render a statusCode")
            return _map_response(integration, source, int(status[1]), {}, "")
        except _Rejected as rejected:
            return rejected.response

    return invoke


def _with_services(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    parse_uri = patching.attribute(calls.MODULE, "_parse_service_integration_uri")

    async def invoke(integration: dict[str, Any], *arguments: Any, **options: Any) -> calls.Response:
        target = parse_uri(integration.get("uri", ""))
        if target is None or target[1] == "lambda":
            return await original(integration, *arguments, **options)
        try:
            return await _call_service(integration, *target)
        except _Rejected as rejected:
            return rejected.response

    return invoke


async def _call_service(
    integration: dict[str, Any], region: str, service: str, verb: str, operation: str
) -> calls.Response:
    source = calls.current().source
    if verb != "action" or integration.get("requestParameters"):
        raise _misconfigured(
            f"local mode supports {service}:action/... without requestParameters, but not {service}:{verb}/{operation}"
        )
    request = _map_request(integration, source)
    try:
        action = aws_call.Action.named(service, operation, region)
        credentials = aws_call.assume_role(integration.get("credentials") or "")
        timeout_seconds = (integration.get("timeoutInMillis") or _DEFAULT_TIMEOUT_MS) / 1000
        # In a thread, because the emulator itself has to answer the call.
        status, headers, body = await asyncio.to_thread(
            aws_call.send, action, credentials, request.body, dict(request.request_headers), timeout_seconds
        )
    except aws_call.CallError as error:
        raise _misconfigured(str(error)) from error
    except HTTPTimeoutError:
        return calls.error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    return _map_response(integration, source, status, headers, body)


class _Rejected(Exception):
    """The gateway itself answers, with `response`."""

    def __init__(self, response: calls.Response) -> None:
        super().__init__()
        self.response = response


def _misconfigured(reason: str) -> _Rejected:
    """Log what is wrong with the API; its clients get only a general error."""
    _log.warning("%s: %s", calls.current().request["resource_path"] or "/", reason)
    return _Rejected(calls.configuration_error())


def _map_request(integration: Mapping[str, Any], source: Source) -> Rendered:
    """Render the template for the request's content type; without one, return the body unchanged."""
    by_type: dict[str, str] = integration.get("requestTemplates") or {}
    templates = {key.lower(): template for key, template in by_type.items()}
    template = templates.get(_media_type(source.header, "content-type"))
    if template is None:
        if templates and integration.get("passthroughBehavior") == "WHEN_NO_TEMPLATES":
            raise _Rejected(calls.error("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type"))
        return Rendered(source.body)
    try:
        return render(template, source)
    except BodyNotJson as error:
        raise _Rejected(calls.error("BAD_REQUEST_BODY", str(error))) from error
    except TemplateRefused as error:
        raise _misconfigured(f"request template: {error}") from error


def _map_response(
    integration: Mapping[str, Any], source: Source, status: int, headers: Mapping[str, str], body: str
) -> calls.Response:
    """Turn the backend's response into the method's: choose by status, map headers, then body, then overrides."""
    choose = patching.attribute(calls.MODULE, "_select_service_integration_response")
    chosen = choose(integration, status)
    if chosen is None:
        raise _misconfigured(f"no integration response is for status {status}, and none is the default")
    response = replace(source, body=body)
    templates: dict[str, str] = chosen.get("responseTemplates") or {}
    parameters: dict[str, str] = chosen.get("responseParameters") or {}
    media_type = _choose_template(templates, _media_type(source.header, "accept"))
    response_headers = {"Content-Type": media_type}
    for target, expression in parameters.items():
        value = _parameter(expression, response, headers)
        if value is not None:
            _set_header(response_headers, target.removeprefix("method.response.header."), value)
    try:
        rendered = render(templates[media_type], response) if templates else Rendered(body)
    except TemplateRefused as error:
        raise _misconfigured(f"response template: {error}") from error
    for name, value in rendered.headers.items():
        _set_header(response_headers, name, value)
    return rendered.status or int(chosen["statusCode"]), response_headers, rendered.body.encode()


def _media_type(headers: Mapping[str, str], name: str) -> str:
    value = next((value for each, value in headers.items() if each.lower() == name), "") or _JSON
    return re.split("[,;]", value)[0].strip().lower()


def _choose_template(templates: Mapping[str, str], accepted: str) -> str:
    return next((key for key in (accepted, _JSON, *templates) if key in templates), _JSON)


def _set_header(headers: dict[str, str], name: str, value: str) -> None:
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    headers[name] = value


def _parameter(expression: str, response: Source, headers: Mapping[str, str]) -> str | None:
    """Evaluate a response parameter: `'text'` or the name of a value; None if it has no value."""
    if expression[:1] == expression[-1:] == "'":
        return expression[1:-1]
    readers: dict[str, Callable[[str], Any]] = {
        "integration.response.header.": lambda name: {k.lower(): v for k, v in headers.items()}.get(name.lower()),
        "integration.response.body": lambda path: _body_value(response, path),
        "context.": lambda path: find(dict(response.context), f"$.{path}"),
        "stageVariables.": response.stage_variables.get,
    }
    for prefix, read in readers.items():
        if expression.startswith(prefix):
            value = read(expression.removeprefix(prefix))
            return None if value is None else java.string(value)
    raise _misconfigured(f"response parameter {expression!r} is not one that API Gateway documents")


def _body_value(response: Source, path: str) -> Any:
    return response.body if not path else find(json.loads(response.body), f"${path}")
