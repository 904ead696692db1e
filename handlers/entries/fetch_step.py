"""The step of the workflow that copies the verified object into the shared workspace, where its processors read it."""

from collections.abc import Mapping
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.entries.steps import delivery_in, steps


def handle(payload: Mapping[str, Any], context: Any) -> None:
    """Copy the object that the execution is for."""
    steps(context).fetch(delivery_in(payload), UploadRequest(**payload["declared"]))
