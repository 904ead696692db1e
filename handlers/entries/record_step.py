"""The last step of the workflow: records the upload's result, or why it has none."""

from collections.abc import Mapping
from typing import Any

from handlers.entries.steps import delivery_in, steps


def handle(payload: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Record the error that the payload has, or else what was found; returns the upload's status."""
    delivery = delivery_in(payload)
    if error := payload.get("error"):
        # Step Functions gives some errors no cause, such as States.Timeout.
        return {"status": steps(context).fail(delivery, error["Error"], error.get("Cause", ""))}
    if manifest_key := payload.get("manifest"):
        return {"status": steps(context).gather(delivery, manifest_key, payload["counts"])}
    return {"status": steps(context).record(delivery, payload["processors"], by_name=payload["by_name"])}
