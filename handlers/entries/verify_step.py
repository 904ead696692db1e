"""The first step of the workflow: leases the upload and verifies its object."""

from collections.abc import Mapping
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.domain.record_formats import record_format
from handlers.domain.upload_ref import UploadRef
from handlers.entries.job_clients import routed
from handlers.entries.steps import delivery_in, steps
from handlers.storage.job_queue import Delivery


def handle(payload: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return what the next steps need, if the object is to be processed, and the upload's status."""
    delivery, is_of_records = delivery_in(payload), payload.get("is_of_records", False)
    found = steps(context).verify(delivery, is_of_records=is_of_records)
    if not isinstance(found, UploadRequest):
        # The state machine reads `job` in any case, and an expression without a value is an error.
        return {"goes_on": False, "job": None, "status": found}
    declared = {
        "file_name": found.file_name,
        "content_type": found.content_type,
        "size_bytes": found.size_bytes,
    }
    if is_of_records:
        return {"goes_on": True, "job": {"declared": declared, **_records(delivery, found)}}
    return {"goes_on": True, "job": {"declared": declared, "processor": routed(found)}}


def _records(delivery: Delivery, declared: UploadRequest) -> dict[str, Any]:
    """Return what the map reads and where it writes (components/compute/records_map.py)."""
    return {
        "format": record_format(declared.content_type, declared.file_name),
        "object": delivery.version._asdict(),
        "results_prefix": UploadRef.from_object_key(delivery.key).records_prefix(delivery.run.run_id),
    }
