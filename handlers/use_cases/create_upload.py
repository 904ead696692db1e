"""The use case behind POST /uploads: declare a file, receive what is needed to send it."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from handlers.aws.presign import Form
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.plan import Method
from handlers.domain.upload import Claim, Multipart, Status, Upload, needs_place
from handlers.domain.upload_ref import UploadRef
from handlers.domain.upload_rules import UploadRules
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.upload_signer import SignedPut, UploadSigner
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.session_issuer import PartsPlan, SessionIssuer


class CreatedUpload(NamedTuple):
    """A pending upload, and how to send its bytes. The names are the API's."""

    upload_id: str
    status: Status
    method: Method
    transfer: SignedPut | Form | PartsPlan
    """For the method put, post or multipart. The API returns its fields beside the others."""
    expires_at: datetime
    expires_in_seconds: int


class CreateUpload(NamedTuple):
    """Everything that creating an upload needs."""

    rules: UploadRules
    records: UploadStore
    signer: UploadSigner
    multipart_start: Callable[[], MultipartStart]
    """Called only for an upload in parts, and so is `session_issuer`."""
    session_issuer: Callable[[], SessionIssuer]

    @property
    def _now(self) -> datetime:
        return self.signer.now

    def create(
        self, declared: UploadRequest, *, owner: str, upload_id: str, idempotency_key: str | None
    ) -> CreatedUpload:
        """Record a pending upload and return it, or the pending upload that the key already stands for.

        Raises QuotaExceeded, KeyConflict, or NotOpen. The record is written before the plan is returned, so that no
        bytes can arrive without a record.
        """
        self.rules.check(declared)
        ref = UploadRef(owner, upload_id)
        if idempotency_key is not None:
            claimed = self.records.claim(Claim.of(idempotency_key, declared, self._now), ref, self._now)
            if claimed != ref:
                try:
                    return self._renew(claimed)
                except UnknownUpload:  # the request that claimed it was rejected, or has not recorded it yet
                    ref = claimed
        is_alone = idempotency_key is None
        created = self._begin(self._upload(ref, declared), is_alone=is_alone)
        if created is None:
            if is_alone:
                raise RuntimeError(f"{upload_id} is the id of an upload already.")
            return self._renew(ref)  # the same request was sent twice at once, and the other one was faster
        return created

    def _upload(self, ref: UploadRef, declared: UploadRequest) -> Upload:
        return Upload(
            ref=ref,
            status=Status.PENDING,
            version=1,
            declared=declared,
            method=self.rules.method_of(declared),
            created_at=self._now,
            updated_at=self._now,
            expires_at=self.signer.expires_at,
        )

    def _begin(self, wanted: Upload, *, is_alone: bool) -> CreatedUpload | None:
        """Take a place for a new upload, plan and record it; None if another upload has its id already.

        If it is certain that this request will not record the upload, its parts are aborted, and its place is freed
        unless another request may have it for the same upload. If it is not known whether the record was written, both
        are left: without parts the upload costs nothing, the bucket's lifecycle rule ends it, and Places finds the
        place.
        """
        upload = wanted._replace(place=self._take_place(wanted))
        try:
            if upload.method is Method.MULTIPART:
                upload = upload._replace(multipart=self._start_multipart(upload))
            created = self._created(upload)
        except Exception:
            if is_alone:
                self.records.places.release(upload.ref, upload.place)
            self._abort_multipart(upload)
            raise
        if self.records.record_pending(upload, delete_at=self.rules.delete_at(upload)):
            return created
        self._keep_only_the_place_of(self.records.find(upload.ref), upload.place)
        self._abort_multipart(upload)
        return None

    def _take_place(self, upload: Upload) -> int:
        return self.records.places.take(upload, self._now, limit=self.rules.max_open_uploads)

    def _start_multipart(self, upload: Upload) -> Multipart:
        multipart_id = self.multipart_start().start(upload.ref, upload.declared, self.signer.kms_key_arn)
        return Multipart.of(multipart_id, upload.declared, max_size_bytes=self.rules.max_upload_bytes)

    def _abort_multipart(self, upload: Upload) -> None:
        if upload.multipart:
            self.multipart_start().abort(upload.ref, upload.multipart)

    def _renew(self, ref: UploadRef) -> CreatedUpload:
        """Return a pending upload with a new URL, and extend its place to the URL's expiry.

        Raises UnknownUpload, QuotaExceeded if its place was lost and no other is free, or NotOpen.
        """
        known = self.records.find(ref)
        if known.status is not Status.PENDING:
            raise known.not_open(
                f"The upload of this Idempotency-Key is {known.status}, and no longer {Status.PENDING}: "
                "ask for it by its upload_id, or send another key to begin a new one."
            )
        renewed = known._replace(expires_at=self.signer.expires_at)
        renewed = renewed._replace(place=self._take_place(renewed))
        found = self.records.record_renewed(renewed, place_before=known.place)
        self._keep_only_the_place_of(found, known.place, renewed.place)
        if found.status is not Status.PENDING or found.place != renewed.place:
            return self._renew(ref)  # it was sent, aborted, or renewed by another request meanwhile
        return self._created(found)

    def _keep_only_the_place_of(self, found: Upload, *taken: int | None) -> None:
        """Free the places that were taken for an upload, except the one in its record."""
        kept = found.place if needs_place(found.status, found.method) else None
        for place in {*taken} - {kept}:
            self.records.places.release(found.ref, place)

    def _created(self, upload: Upload) -> CreatedUpload:
        return CreatedUpload(
            upload_id=upload.ref.upload_id,
            status=upload.status,
            method=upload.method,
            transfer=self._transfer(upload),
            expires_at=self.signer.expires_at,
            expires_in_seconds=self.signer.expires_in_seconds,
        )

    def _transfer(self, upload: Upload) -> SignedPut | Form | PartsPlan:
        if upload.multipart:
            return self.session_issuer().plan(upload, upload.multipart, self._now)
        return self.signer.sign_form(upload) if upload.method is Method.POST else self.signer.sign_put(upload)
