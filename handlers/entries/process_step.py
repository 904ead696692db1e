"""The step of the workflow that runs one processor. Its result goes to S3, because a state holds at most 256 KiB."""

from collections.abc import Mapping
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.entries.steps import delivery_in, steps


def handle(payload: Mapping[str, Any], context: Any) -> None:
    """Run the processor that the payload names."""
    declared, processor = UploadRequest(**payload["declared"]), payload["processor"]
    steps(context, processor).process(delivery_in(payload), declared, processor, payload["earlier"])
