"""The use case behind POST /uploads: declare a file, receive permission to send it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from handlers.uploads.declaration import UploadRequest
from handlers.uploads.errors import NotOpen, UnknownUpload
from handlers.uploads.model import Claim, Multipart, Status, Upload, UploadRef, iso
from handlers.uploads.part_opening import PartOpening
from handlers.uploads.permission import Permission
from handlers.uploads.plan import Method, Parts, choose_method
from handlers.uploads.quota import Quota
from handlers.uploads.session_issuer import SessionIssuer
from handlers.uploads.store import UploadStore


class CreationRules(NamedTuple):
    """What the platform team allows, set by the UploadApi component; lifetimes in the units of their names."""

    multipart_threshold_bytes: int
    """The largest upload that comes in one PUT where the client does not choose."""
    record_retention_days: int


class Creation(NamedTuple):
    """Everything that declaring an upload needs; what only parts need is made for parts alone."""

    rules: CreationRules
    quota: Quota
    records: UploadStore
    permission: Permission
    part_opening: Callable[[], PartOpening]
    session_issuer: Callable[[], SessionIssuer]

    def create_upload(
        self, body: object, *, owner: str, upload_id: str, idempotency_key: str | None, now: datetime
    ) -> dict[str, Any]:
        """Record a pending upload and return its plan, or that of the upload which the key stands for already.

        Raises InvalidRequest, QuotaExceeded, KeyConflict, or NotOpen. The record is written before the plan is handed
        out: bytes can never come unannounced.
        """
        declared = UploadRequest.parse(body)
        ref = UploadRef(owner, upload_id)
        if idempotency_key is not None:
            claimed = self.records.claim(Claim.of(idempotency_key, declared, now), ref, now)
            if claimed != ref:
                try:
                    return self._again(claimed, now)
                except UnknownUpload:  # whoever claimed it was refused, or has not come so far
                    ref = claimed
        self._check_quota(owner, declared, now)
        plan = self._begin(self._upload(ref, declared, now), now)
        if plan is None:
            if idempotency_key is None:
                raise RuntimeError(f"{upload_id} is the id of an upload already.")
            return self._again(ref, now)  # the same request, sent twice at once: the other one was faster
        return plan

    def _check_quota(self, owner: str, declared: UploadRequest, now: datetime) -> None:
        self.quota.check(declared, lambda most: self.records.count_pending(owner, now, at_most=most))

    def _upload(self, ref: UploadRef, declared: UploadRequest, now: datetime) -> Upload:
        return Upload(
            ref=ref,
            status=Status.PENDING,
            version=1,
            declared=declared,
            method=declared.method
            or choose_method(declared.size_bytes, multipart_threshold_bytes=self.rules.multipart_threshold_bytes),
            created_at=now,
            updated_at=now,
            expires_at=self.permission.expires_at,
        )

    def _begin(self, upload: Upload, now: datetime) -> dict[str, Any] | None:
        """Record a new upload and plan it; None where its id is another's already."""
        if upload.method is Method.MULTIPART:
            return self._begin_in_parts(upload, now)
        return self._plan(upload, now) if self._record(upload) else None

    def _begin_in_parts(self, upload: Upload, now: datetime) -> dict[str, Any] | None:
        """Open an upload in parts at S3, and give it up where it is certain that nobody will ever know of it.

        Where the record's fate is not known, it is left: without parts it costs nothing, and the bucket's lifecycle
        rule ends it.
        """
        opening = self.part_opening()
        multipart_id = opening.open(upload.ref, upload.declared, self.permission.kms_key_arn)
        multipart = Multipart(multipart_id, Parts.of(upload.declared.size_bytes))
        in_parts = upload._replace(multipart=multipart)
        try:
            plan = self._plan(in_parts, now)
        except Exception:
            opening.give_up(upload.ref, multipart)
            raise
        if not self._record(in_parts):
            opening.give_up(upload.ref, multipart)
            return None
        return plan

    def _again(self, ref: UploadRef, now: datetime) -> dict[str, Any]:
        """Plan an upload that is there with a fresh URL; raises UnknownUpload, or NotOpen where it takes no bytes."""
        known = self.records.find(ref)
        if known.status is Status.PENDING and known.open_until <= now:
            self._check_quota(ref.owner, known.declared, now)  # it is counted no longer, and will be again
        upload = self.records.record_renewed(known._replace(expires_at=self.permission.expires_at))
        if upload.status is Status.ABORTED:
            raise NotOpen("The upload of this Idempotency-Key was aborted; send another key to begin a new one.")
        return self._plan(upload, now)

    def _plan(self, upload: Upload, now: datetime) -> dict[str, Any]:
        return {
            "upload_id": upload.ref.upload_id,
            "status": str(upload.status),
            "method": str(upload.method),
            **self._transfer(upload, now),
            "expires_at": iso(self.permission.expires_at),
            "expires_in_seconds": self.permission.expires_in_seconds,
        }

    def _transfer(self, upload: Upload, now: datetime) -> dict[str, Any]:
        if upload.multipart:
            return self.session_issuer().transfer_plan(upload, upload.multipart, now)
        return self.permission.to_post(upload) if upload.method is Method.POST else self.permission.to_put(upload)

    def _record(self, upload: Upload) -> bool:
        delete_at = upload.created_at + timedelta(days=self.rules.record_retention_days)
        return self.records.record_pending(upload, delete_at=delete_at)
