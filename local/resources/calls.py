"""Calls AWS's operations with checked parameters; an error names the resource."""

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from local.resources.parameters import Given, Move, parameters


class RefusedError(RuntimeError):
    """AWS rejected a resource; the message names the resource, the operation and AWS's reason."""


def check(
    client: Any,
    operation: str,
    inputs: Given,
    moves: Mapping[str, Move] | None = None,
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the operation's parameters without calling it (see `parameters`)."""
    return parameters(client.meta.service_model.operation_model(operation), inputs, moves, also)


def call(
    client: Any,
    operation: str,
    inputs: Given,
    moves: Mapping[str, Move] | None = None,
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Check the inputs (see `parameters`), call the operation and return its response."""
    model = client.meta.service_model.operation_model(operation)
    checked = check(client, operation, inputs, moves, also)
    try:
        return getattr(client, xform_name(operation))(**checked)
    except ClientError as error:
        reason = error.response.get("Error", {})
        where = f" at {inputs.path}" if inputs.path else ""
        raise RefusedError(
            f"{inputs.subject}{where}: {model.service_model.service_name} {operation} was refused: "
            f"{reason.get('Code')}: {reason.get('Message')}"
        ) from error
