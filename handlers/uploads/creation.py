"""The use case behind POST /uploads: declare a file, receive permission to send it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.uploads.model import Status, Upload, UploadRef, UploadRequest, iso
from handlers.uploads.store import UploadStore


@dataclass(frozen=True)
class CreationRules:
    """What the platform team allows; lifetimes in the units of their names."""

    max_upload_bytes: int
    url_expires_in_seconds: int
    record_retention_days: int


def create_upload(
    body: object,
    *,
    owner: str,
    upload_id: str,
    now: datetime,
    rules: CreationRules,
    records: UploadStore,
    presign_put: Callable[[str, dict[str, str]], str],
) -> dict[str, Any]:
    """Record a pending upload and return its plan: a PUT of just this length and type, taken once.

    Raises InvalidRequest. The record is written before the URL exists: bytes can never come unannounced.
    """
    declared = UploadRequest.parse(body, max_size_bytes=rules.max_upload_bytes)
    upload = Upload(
        ref=UploadRef(owner, upload_id),
        status=Status.PENDING,
        version=1,
        declared=declared,
        created_at=now,
        updated_at=now,
        # A signature's own time has no fraction of a second.
        expires_at=now.replace(microsecond=0) + timedelta(seconds=rules.url_expires_in_seconds),
    )
    records.record_pending(upload, delete_at=now + timedelta(days=rules.record_retention_days))
    headers = {
        "Content-Length": str(declared.size_bytes),
        "Content-Type": declared.content_type,
        "If-None-Match": "*",  # an object is written once: what was processed cannot be swapped afterwards
    }
    return {
        "upload_id": upload_id,
        "status": str(upload.status),
        "method": "put",
        "url": presign_put(upload.ref.object_key, headers),
        "headers": headers,
        "expires_at": iso(upload.expires_at),
        "expires_in_seconds": rules.url_expires_in_seconds,
    }
