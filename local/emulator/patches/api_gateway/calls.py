"""The request that API Gateway handles: one id for all parts of a response, and what templates can read.

AWS: `$context.requestId`, the id in the Lambda event and the x-amzn-RequestId header are the same. Templates and Lambda
events have header names as the client spelled them, and mapping expressions compare names with their case.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
MiniStack: makes a new id each time, a MOCK integration does not get its request, and header names are in lower case.
Here: the current call is kept where the other patches find it, its id is used everywhere, and header names keep their
spelling, which hypercorn has to pass on.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway.templates import Source

MODULE = "ministack.services.apigateway_v1"

Response = Any
"""MiniStack's: a tuple of status, headers and body, or one of its gateway errors."""


@dataclass
class GatewayCall:
    """One request to a deployed stage; `source` is set once the request is authorized."""

    request: dict[str, Any]
    source: Source = field(default_factory=Source)


_current: ContextVar[GatewayCall] = ContextVar("gateway_call")
_spellings: ContextVar[Mapping[str, str]] = ContextVar("spellings")
"""The names of the request's headers as the client spelled them, by their lower case."""


def current() -> GatewayCall:
    """Return the call that this task handles."""
    return _current.get()


def error(response_type: str, message: str) -> Response:
    """Return a gateway error, for which MiniStack sends the API's gateway response of that type."""
    return patching.attribute(MODULE, "_gw_error")(response_type, message)


def configuration_error() -> Response:
    """Return what API Gateway responses if the API itself is misconfigured."""
    return error("API_CONFIGURATION_ERROR", "Internal server error")


def patch() -> None:
    """Keep each call, its id and the spelling of its headers."""
    patching.replace("ministack.app", "app", _with_spellings)
    patching.replace(MODULE, "_execute_in_scope", _with_call)
    patching.replace(MODULE, "_authorize_request_v1", _with_source)
    patching.replace(MODULE, "_build_lambda_event_v1", _with_request_id)


def as_spelled(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with the names as the client spelled them."""
    spellings = _spellings.get()
    return {spellings.get(name, name): value for name, value in headers.items()}


def _with_spellings(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        names = [name.decode("latin-1") for name, _ in scope.get("headers", ())]
        _spellings.set({name.lower(): name for name in names})
        await original(scope, receive, send)

    return app


def _with_call(original: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    async def execute(request: dict[str, Any], *arguments: Any) -> Response:
        call = GatewayCall(request)
        token = _current.set(call)
        try:
            response = await original(request, *arguments)
        finally:
            _current.reset(token)
        if hasattr(response, "response_type"):
            response.context = call.source.context  # for the gateway response, which is rendered after the call
        else:
            response[1]["x-amzn-requestid"] = request["request_id"]
        return response

    return execute


def _with_source(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def authorize(*arguments: Any) -> Any:
        error_response, authorizer = await original(*arguments)
        api_id, stage_name, _method, verb, path, resource, headers, body, query, path_params, stage, *_ = arguments
        make_event = patching.attribute(MODULE, "_build_lambda_event_v1")
        event = make_event(
            *(api_id, stage_name, stage, resource, path, verb, headers, body, query, path_params),
            authorizer_context=authorizer,
        )
        current().source = Source(
            body=body.decode(errors="replace"),
            path=path_params or {},
            querystring={name: values[-1] for name, values in query.items()},
            header=as_spelled(headers),
            context=event["requestContext"],
            stage_variables=stage.get("variables") or {},
        )
        return error_response, authorizer

    return authorize


def _with_request_id(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build_event(*arguments: Any, **options: Any) -> dict[str, Any]:
        event = original(*arguments, **options)
        request_id = current().request["request_id"]
        event["requestContext"] |= {"requestId": request_id, "extendedRequestId": request_id}
        for member in ("headers", "multiValueHeaders"):
            event[member] = as_spelled(event[member]) if event[member] else event[member]
        return event

    return build_event
