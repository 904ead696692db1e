"""Every part of an API Gateway answer names the same request, and templates can read all of it.

AWS: `$context.requestId`, the id in the Lambda event and the x-amzn-RequestId header are one id.
MiniStack: each of them is made up anew, and a MOCK integration does not see its request at all.
Here: the call in progress is kept where the other mends find it, and its id is used throughout.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from local.shim import gap
from local.shim.templates import Source

MODULE = "ministack.services.apigateway_v1"

Answer = Any
"""MiniStack's: a tuple of status, headers and body, or one of its gateway errors."""


@dataclass
class GatewayCall:
    """One request to a deployed stage; the source is complete once it is authorized."""

    request: dict[str, Any]
    source: Source = field(default_factory=Source)


_current: ContextVar[GatewayCall] = ContextVar("gateway_call")


def current() -> GatewayCall:
    """Return the call that this task answers."""
    return _current.get()


def error(response_type: str, message: str) -> Answer:
    """Return a gateway error, which MiniStack answers with the API's own gateway response of that type."""
    return gap.attribute(MODULE, "_gw_error")(response_type, message)


def configuration_error() -> Answer:
    """Return what API Gateway answers to anybody when the API, not the request, is at fault."""
    return error("API_CONFIGURATION_ERROR", "Internal server error")


def mend() -> None:
    """Keep each call, and its id."""
    gap.replace(MODULE, "_execute_in_scope", _with_call)
    gap.replace(MODULE, "_authorize_request_v1", _with_source)
    gap.replace(MODULE, "_build_lambda_event_v1", _with_request_id)


def _with_call(original: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    async def execute(request: dict[str, Any], *arguments: Any) -> Answer:
        call = GatewayCall(request)
        token = _current.set(call)
        try:
            answer = await original(request, *arguments)
        finally:
            _current.reset(token)
        if hasattr(answer, "response_type"):
            answer.context = call.source.context  # for the gateway response, which is rendered after the call
        else:
            answer[1]["x-amzn-requestid"] = request["request_id"]
        return answer

    return execute


def _with_source(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def authorize(*arguments: Any) -> Any:
        refusal, authorizer = await original(*arguments)
        api_id, stage_name, _method, verb, path, resource, headers, body, query, path_params, stage, *_ = arguments
        make_event = gap.attribute(MODULE, "_build_lambda_event_v1")
        event = make_event(
            *(api_id, stage_name, stage, resource, path, verb, headers, body, query, path_params),
            authorizer_context=authorizer,
        )
        current().source = Source(
            body=body.decode(errors="replace"),
            path=path_params or {},
            querystring={name: values[-1] for name, values in query.items()},
            header=headers,
            context=event["requestContext"],
            stage_variables=stage.get("variables") or {},
        )
        return refusal, authorizer

    return authorize


def _with_request_id(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build_event(*arguments: Any, **options: Any) -> dict[str, Any]:
        event = original(*arguments, **options)
        request_id = current().request["request_id"]
        event["requestContext"] |= {"requestId": request_id, "extendedRequestId": request_id}
        return event

    return build_event
