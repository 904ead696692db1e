"""Patches of API Gateway's REST APIs, one module a subject."""

from local.emulator.patches.api_gateway import calls, gateway_responses, integrations, request_checks


def patch() -> None:
    """Patch everything of API Gateway."""
    request_checks.patch()  # before `calls`, because the patch of calls runs around it and knows the call
    calls.patch()
    gateway_responses.patch()
    integrations.patch()
