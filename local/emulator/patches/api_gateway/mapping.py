"""What the integrations with mapping templates have in common: the request's template, and the response's."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call, java
from local.emulator.patches.api_gateway.gateway_call import Answer
from local.emulator.patches.api_gateway.templates import BodyNotJson, Rendered, Source, TemplateRefused, find, render

_JSON = "application/json"
_log = logging.getLogger("local.emulator")


class Refused(Exception):
    """The gateway answers by itself, with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def refuse(reason: str) -> Refused:
    """Log why the API is at fault, which its callers are not told."""
    _log.warning("%s: %s", gateway_call.current().request["resource_path"] or "/", reason)
    return Refused(gateway_call.configuration_error())


def map_request(integration: Mapping[str, Any], source: Source) -> Rendered:
    """Render the template for the request's content type; its body as it is if there is none for it."""
    by_type: dict[str, str] = integration.get("requestTemplates") or {}
    templates = {key.lower(): template for key, template in by_type.items()}
    template = templates.get(_media_type(source.header, "content-type"))
    if template is None:
        if templates and integration.get("passthroughBehavior") == "WHEN_NO_TEMPLATES":
            raise Refused(gateway_call.error("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type"))
        return Rendered(source.body)
    try:
        return render(template, source)
    except BodyNotJson as error:
        raise Refused(gateway_call.error("BAD_REQUEST_BODY", str(error))) from error
    except TemplateRefused as error:
        raise refuse(f"request template: {error}") from error


def map_response(
    integration: Mapping[str, Any], source: Source, status: int, headers: Mapping[str, str], body: str
) -> Answer:
    """Make the method's response of the backend's: choose by status, map headers, then body, then overrides."""
    choose = patching.attribute(gateway_call.MODULE, "_select_service_integration_response")
    chosen = choose(integration, status)
    if chosen is None:
        raise refuse(f"no integration response is for status {status}, and none is the default")
    response = replace(source, body=body)
    templates: dict[str, str] = chosen.get("responseTemplates") or {}
    parameters: dict[str, str] = chosen.get("responseParameters") or {}
    media_type = _choose_template(templates, _media_type(source.header, "accept"))
    answer_headers = {"Content-Type": media_type}
    for target, expression in parameters.items():
        value = _parameter(expression, response, headers)
        if value is not None:
            _set_header(answer_headers, target.removeprefix("method.response.header."), value)
    try:
        rendered = render(templates[media_type], response) if templates else Rendered(body)
    except TemplateRefused as error:
        raise refuse(f"response template: {error}") from error
    for name, value in rendered.headers.items():
        _set_header(answer_headers, name, value)
    return rendered.status or int(chosen["statusCode"]), answer_headers, rendered.body.encode()


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
    """Evaluate a response parameter: `'text'` or the place a value comes from; None for no value."""
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
    raise refuse(f"response parameter {expression!r} is none that API Gateway documents")


def _body_value(response: Source, path: str) -> Any:
    return response.body if not path else find(json.loads(response.body), f"${path}")
