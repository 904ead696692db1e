"""A function that does nothing: the minimum for Python and Lambda's runtime client."""

from typing import Any


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return status 200."""
    return {"statusCode": 200}
