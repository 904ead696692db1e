"""The gateway refuses request bodies over 10 MB.

AWS: a larger body gets the gateway response REQUEST_TOO_LARGE, status 413; the limit cannot be raised.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MiniStack: any size passes.
Here: the same gateway response, with the API's own body and headers for it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call

LIMIT_BYTES = 10 * 1024 * 1024


def patch() -> None:
    """Refuse what API Gateway refuses before it looks at anything else of the request."""
    patching.replace(gateway_call.MODULE, "_execute_in_scope", _with_limit)


def _with_limit(
    original: Callable[..., Awaitable[gateway_call.Answer]],
) -> Callable[..., Awaitable[gateway_call.Answer]]:
    stages = patching.attribute(gateway_call.MODULE, "_stages_v1")

    async def execute(request: dict[str, Any], *arguments: Any) -> gateway_call.Answer:
        api_id, stage_name, _method, _path, _headers, body, *_ = arguments
        stage = stages.get(api_id, {}).get(stage_name)
        if stage is None or len(body) <= LIMIT_BYTES:
            return await original(request, *arguments)
        request["stage"] = stage  # the stage's deployment holds the gateway responses
        return gateway_call.error("REQUEST_TOO_LARGE", f"HTTP content length exceeded {LIMIT_BYTES} bytes.")

    return execute
