"""The use case behind POST /uploads: declare a file, receive permission to send it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.uploads.model import Multipart, Status, Upload, UploadRef, UploadRequest, iso
from handlers.uploads.part_store import PartStore
from handlers.uploads.plan import Method, Parts, choose_method
from handlers.uploads.session_issuer import SessionIssuer
from handlers.uploads.store import UploadStore


@dataclass(frozen=True)
class CreationRules:
    """What the platform team allows, set by the UploadApi component; lifetimes in the units of their names."""

    max_upload_bytes: int
    multipart_threshold_bytes: int
    """The largest upload that comes in one PUT where the client does not choose."""
    url_expires_in_seconds: int
    record_retention_days: int


@dataclass(frozen=True)
class Creation:
    """Everything that declaring an upload needs; what only parts need is made for parts alone."""

    rules: CreationRules
    records: UploadStore
    presign_put: Callable[[str, dict[str, str]], str]
    part_store: Callable[[], PartStore]
    session_issuer: Callable[[], SessionIssuer]

    def create_upload(self, body: object, *, owner: str, upload_id: str, now: datetime) -> dict[str, Any]:
        """Record a pending upload and return its plan; raises InvalidRequest.

        The record is written before the plan is handed out: bytes can never come unannounced.
        """
        declared = UploadRequest.parse(body, max_size_bytes=self.rules.max_upload_bytes)
        upload = Upload(
            ref=UploadRef(owner, upload_id),
            status=Status.PENDING,
            version=1,
            declared=declared,
            created_at=now,
            updated_at=now,
            # A signature's own time has no fraction of a second.
            expires_at=now.replace(microsecond=0) + timedelta(seconds=self.rules.url_expires_in_seconds),
        )
        method = declared.method or choose_method(
            declared.size_bytes, multipart_threshold_bytes=self.rules.multipart_threshold_bytes
        )
        return {
            "upload_id": upload_id,
            "status": str(upload.status),
            "method": str(method),
            **(self._in_parts(upload) if method is Method.MULTIPART else self._in_one_put(upload)),
            "expires_at": iso(upload.expires_at),
            "expires_in_seconds": self.rules.url_expires_in_seconds,
        }

    def _in_one_put(self, upload: Upload) -> dict[str, Any]:
        """Allow a PUT of just this length and type, taken once."""
        self._record(upload)
        headers = {
            "Content-Length": str(upload.declared.size_bytes),
            "Content-Type": upload.declared.content_type,
            "If-None-Match": "*",  # an object is written once: what was processed cannot be swapped afterwards
        }
        return {"url": self.presign_put(upload.ref.object_key, headers), "headers": headers}

    def _in_parts(self, upload: Upload) -> dict[str, Any]:
        """Open an upload in parts at S3, and give it up where nobody would ever know of it."""
        store = self.part_store()
        multipart_id = store.open(upload.ref, upload.declared.content_type)
        multipart = Multipart(multipart_id, Parts.of(upload.declared.size_bytes))
        try:
            plan = self.session_issuer().transfer_plan(upload.ref, multipart, upload.created_at)
            self._record(replace(upload, multipart=multipart))
        except Exception:
            store.give_up(upload.ref, multipart)
            raise
        return plan

    def _record(self, upload: Upload) -> None:
        delete_at = upload.created_at + timedelta(days=self.rules.record_retention_days)
        self.records.record_pending(upload, delete_at=delete_at)
