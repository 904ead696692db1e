"""`AWS` integrations call the service that they name.

AWS: `arn:aws:apigateway:REGION:SERVICE:action/OPERATION` renders the request template, calls the operation with
the credentials of the integration's role, and maps what comes back, refusals too, by its status.
MiniStack: answers 504 for every service but Lambda and SQS.
Here: the call goes over HTTP to the emulator itself, signed by a session of the role, so that IAM decides.
Services with a JSON protocol are supported (DynamoDB, Step Functions, EventBridge, Kinesis and others).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call, mapping, service_call

_DEFAULT_TIMEOUT_MS = 29_000  # https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html


def patch() -> None:
    """Take over what MiniStack hands to Lambda for want of anything better."""
    patching.replace(gateway_call.MODULE, "_invoke_lambda_custom_v1", _beside_lambda)


def _beside_lambda(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    parse_uri = patching.attribute(gateway_call.MODULE, "_parse_service_integration_uri")

    async def invoke(integration: dict[str, Any], *arguments: Any, **options: Any) -> gateway_call.Answer:
        target = parse_uri(integration.get("uri", ""))
        if target is None or target[1] == "lambda":
            return await original(integration, *arguments, **options)
        try:
            return await _call_service(integration, *target)
        except mapping.Refused as refused:
            return refused.answer

    return invoke


async def _call_service(
    integration: dict[str, Any], region: str, service: str, verb: str, operation: str
) -> gateway_call.Answer:
    source = gateway_call.current().source
    if verb != "action" or integration.get("requestParameters"):
        raise mapping.refuse(
            f"local mode runs {service}:action/... without requestParameters, not {service}:{verb}/{operation}"
        )
    request = mapping.map_request(integration, source)
    try:
        action = service_call.Action.named(service, operation, region)
        credentials = service_call.assume_role(integration.get("credentials") or "")
        timeout_seconds = (integration.get("timeoutInMillis") or _DEFAULT_TIMEOUT_MS) / 1000
        # In a thread: the emulator must go on serving, because it is the emulator that is called.
        status, headers, body = await asyncio.to_thread(
            service_call.send, action, credentials, request.body, dict(request.request_headers), timeout_seconds
        )
    except service_call.Impossible as error:
        raise mapping.refuse(str(error)) from error
    except HTTPTimeoutError:
        return gateway_call.error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    return mapping.map_response(integration, source, status, headers, body)
