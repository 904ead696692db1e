"""A function that does nothing: what Python and Lambda's runtime client take at least."""

from typing import Any


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200."""
    return {"statusCode": 200}
