"""The step of the workflow that runs one processor. Its result goes to S3, because a state holds at most 256 KiB.

In a map of records it runs the processor with one batch, and returns what the processor returned.
"""

from collections.abc import Mapping
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.entries.steps import delivery_in, steps


def handle(payload: Mapping[str, Any], context: Any) -> Any:
    """Run the processor that the payload names."""
    declared, processor = UploadRequest(**payload["declared"]), payload["processor"]
    if "records" in payload:
        return steps(context, processor).process_batch(delivery_in(payload), declared, payload["records"])
    steps(context, processor).process(delivery_in(payload), declared, processor, payload["earlier"])
    return None
