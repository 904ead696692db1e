"""The first step of the workflow: leases the upload and verifies its object."""

from collections.abc import Mapping
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.entries.job_clients import routed
from handlers.entries.steps import delivery_in, steps


def handle(payload: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return what the next steps need, if the object is to be processed, and the upload's status."""
    found = steps(context).verify(delivery_in(payload))
    if not isinstance(found, UploadRequest):
        # The state machine reads `job` in any case, and an expression without a value is an error.
        return {"goes_on": False, "job": None, "status": found}
    declared = {
        "file_name": found.file_name,
        "content_type": found.content_type,
        "size_bytes": found.size_bytes,
    }
    return {"goes_on": True, "job": {"declared": declared, "processor": routed(found)}}
