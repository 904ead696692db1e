"""Gateway responses have all of `$context`, and are sent for functions that fail.

AWS: a gateway response's body may name any `$context` variable. `$context.error.validationErrorString` is escaped for
JSON. Its parameters map request headers by names with their case. If the function of a Lambda proxy integration raises
an exception or does not return a proxy response, the gateway response is DEFAULT_5XX, with status 502 unless the API
sets another.
MiniStack: has half a dozen variables, leaves the others as text, and ignores the case of header names. For a failed
function it sends the error message without a gateway response, and it accepts any result as a body.
Here: both as on AWS.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway import calls, java
from local.emulator.patches.api_gateway.templates import find

_VARIABLE = re.compile(r"\$(?:\{(context(?:\.\w+)+)\}|(context(?:\.\w+)+))")
_FUNCTION_FAILED = 502
_REQUEST_HEADER = "method.request.header."


class _FunctionFailed(Exception):
    """The function raised an exception, or its result is not a proxy response."""


def patch() -> None:
    """Complete the gateway responses, and send them for failed functions."""
    patching.replace(calls.MODULE, "_gateway_error_response", _with_all_variables)
    patching.replace(calls.MODULE, "_gateway_request_value", _by_case)
    patching.replace(calls.MODULE, "_lambda_proxy_response", _strict)
    patching.replace(calls.MODULE, "_invoke_lambda_proxy_v1", _with_gateway_response)


def _with_all_variables(original: Callable[..., Any]) -> Callable[..., Any]:
    def respond(error: Any, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = original(error, request)
        status = getattr(error, "status", status)
        violations = json.dumps(getattr(error, "validation_errors", ""))[1:-1]
        context = getattr(error, "context", {})

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name == "context.error.validationErrorString":
                return violations
            found = find({"context": context}, f"$.{name}")
            return "" if found is None else java.string(found)

        return status, headers, _VARIABLE.sub(value, body.decode()).encode()

    return respond


def _by_case(original: Callable[..., Any]) -> Callable[..., Any]:
    def value(source: str, request: dict[str, Any]) -> Any:
        if source.startswith(_REQUEST_HEADER):
            return calls.as_spelled(request["headers"]).get(source.removeprefix(_REQUEST_HEADER))
        return original(source, request)

    return value


def _strict(original: Callable[..., Any]) -> Callable[..., Any]:
    def shape(result: dict[str, Any]) -> Any:
        response: dict[str, Any] | Any = result.get("body")
        is_proxy_response = (
            isinstance(response, dict) and "statusCode" in response and isinstance(response.get("body"), str | None)
        )
        if not result.get("throttle") and (result.get("error") or not is_proxy_response):
            raise _FunctionFailed
        return original(result)

    return shape


def _with_gateway_response(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    deployed = patching.attribute(calls.MODULE, "_deployed_gateway_responses")

    async def invoke(*arguments: Any, **options: Any) -> calls.Response:
        try:
            return await original(*arguments, **options)
        except _FunctionFailed:
            request = calls.current().request
            own: dict[str, Any] = deployed.get(request["api_id"], {}).get(request["stage"].get("deploymentId")) or {}
            error = calls.error("DEFAULT_5XX", "Internal server error")
            error.status = int(own.get("DEFAULT_5XX", {}).get("statusCode") or _FUNCTION_FAILED)
            return error

    return invoke
