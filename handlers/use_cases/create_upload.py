"""The use case behind POST /uploads: declare a file, receive permission to send it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import NotOpen, UnknownUpload
from handlers.domain.plan import Method, Parts, choose_method
from handlers.domain.quota import Quota
from handlers.domain.upload import Claim, Multipart, Status, Upload, UploadRef, iso, needs_place
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.upload_signer import UploadSigner
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.session_issuer import SessionIssuer


class UploadRules(NamedTuple):
    """What the platform team allows, set by the UploadApi component; lifetimes in the units of their names."""

    multipart_threshold_bytes: int
    """The largest upload that comes in one PUT where the client does not choose."""
    record_retention_days: int
    allowed_methods: tuple[str, ...]
    """How a client may choose to send."""


class CreateUpload(NamedTuple):
    """Everything that declaring an upload needs; what only parts need is made for parts alone."""

    rules: UploadRules
    quota: Quota
    records: UploadStore
    signer: UploadSigner
    multipart_start: Callable[[], MultipartStart]
    session_issuer: Callable[[], SessionIssuer]

    def create_upload(
        self, declared: UploadRequest, *, owner: str, upload_id: str, idempotency_key: str | None, now: datetime
    ) -> dict[str, Any]:
        """Record a pending upload and return its plan, or that of the pending upload which the key stands for already.

        Raises QuotaExceeded, KeyConflict, or NotOpen. The record is written before the plan is handed
        out: bytes can never come unannounced.
        """
        self.quota.check(declared)
        ref = UploadRef(owner, upload_id)
        if idempotency_key is not None:
            claimed = self.records.claim(Claim.of(idempotency_key, declared, now), ref, now)
            if claimed != ref:
                try:
                    return self._again(claimed, now)
                except UnknownUpload:  # the request that claimed it was rejected, or has not recorded it yet
                    ref = claimed
        is_alone = idempotency_key is None
        plan = self._begin(self._upload(ref, declared, now), now, is_alone=is_alone)
        if plan is None:
            if is_alone:
                raise RuntimeError(f"{upload_id} is the id of an upload already.")
            return self._again(ref, now)  # the same request, sent twice at once: the other one was faster
        return plan

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
            expires_at=self.signer.expires_at,
        )

    def _begin(self, wanted: Upload, now: datetime, *, is_alone: bool) -> dict[str, Any] | None:
        """Take a place for a new upload, plan and record it; None where its id is another's already.

        If it is certain that this request will not record the upload, its parts are aborted, and its place is freed
        unless another request may have it for the same upload. If it is not known whether the record was written, both
        are left: without parts the upload costs nothing, the bucket's lifecycle rule ends it, and Places finds the
        place.
        """
        upload = wanted._replace(place=self._place(wanted, now))
        try:
            if upload.method is Method.MULTIPART:
                upload = upload._replace(multipart=self._start_multipart(upload))
            plan = self._plan(upload, now)
        except Exception:
            if is_alone:
                self.records.places.release(upload.ref, upload.place)
            self._abort_parts(upload)
            raise
        if self._record(upload):
            return plan
        self._keep_only_the_place_of(self.records.find(upload.ref), upload.place)
        self._abort_parts(upload)
        return None

    def _place(self, upload: Upload, now: datetime) -> int:
        return self.records.places.take(upload, now, limit=self.quota.max_open_uploads)

    def _start_multipart(self, upload: Upload) -> Multipart:
        multipart_id = self.multipart_start().start(upload.ref, upload.declared, self.signer.kms_key_arn)
        return Multipart(multipart_id, Parts.of(upload.declared.size_bytes))

    def _abort_parts(self, upload: Upload) -> None:
        if upload.multipart:
            self.multipart_start().abort(upload.ref, upload.multipart)

    def _again(self, ref: UploadRef, now: datetime) -> dict[str, Any]:
        """Return a pending upload's plan with a new URL, and extend its place to the URL's expiry.

        Raises UnknownUpload, QuotaExceeded where its place was lost and no other is free, or NotOpen.
        """
        known = self.records.find(ref)
        if known.status is not Status.PENDING:
            raise NotOpen(
                f"The upload of this Idempotency-Key is {known.status}, and no longer {Status.PENDING}: "
                "ask for it by its upload_id, or send another key to begin a new one.",
                known,
            )
        renewed = known._replace(expires_at=self.signer.expires_at)
        renewed = renewed._replace(place=self._place(renewed, now))
        found = self.records.record_renewed(renewed, place_before=known.place)
        self._keep_only_the_place_of(found, known.place, renewed.place)
        if found.status is not Status.PENDING or found.place != renewed.place:
            return self._again(ref, now)  # it was sent, aborted, or renewed by another request meanwhile
        return self._plan(found, now)

    def _keep_only_the_place_of(self, found: Upload, *taken: int | None) -> None:
        """Free the places that were taken for an upload, but for the one that it holds by its record."""
        kept = found.place if needs_place(found.status, found.method) else None
        for place in {*taken} - {kept}:
            self.records.places.release(found.ref, place)

    def _plan(self, upload: Upload, now: datetime) -> dict[str, Any]:
        return {
            "upload_id": upload.ref.upload_id,
            "status": str(upload.status),
            "method": str(upload.method),
            **self._transfer(upload, now),
            "expires_at": iso(self.signer.expires_at),
            "expires_in_seconds": self.signer.expires_in_seconds,
        }

    def _transfer(self, upload: Upload, now: datetime) -> dict[str, Any]:
        if upload.multipart:
            return self.session_issuer().transfer_plan(upload, upload.multipart, now)
        return self.signer.sign_form(upload) if upload.method is Method.POST else self.signer.sign_put(upload)

    def _record(self, upload: Upload) -> bool:
        delete_at = upload.delete_at(timedelta(days=self.rules.record_retention_days))
        return self.records.record_pending(upload, delete_at=delete_at)
