"""What an upload is, and which states it passes through."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from handlers.domain.declaration import LateDeclaration, UploadRequest, shown
from handlers.domain.errors import InvalidRequest, NotOpen, QuotaExceeded, SizeMismatch
from handlers.domain.fields import GROUP, public
from handlers.domain.plan import Method, Parts
from handlers.domain.upload_ref import UploadRef

MULTIPART_LIFETIME = timedelta(days=14)
"""The bucket's lifecycle rule deletes the parts of an incomplete upload after this time."""

IDEMPOTENCY_KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
"""Visible ASCII; a UUID is best."""

LONGEST_RUN = timedelta(minutes=15)
"""Lambda's limit. A run that wrote no lease has ended after this time."""

MESSAGE_LIFETIME = timedelta(days=14)
"""SQS's limit. The queues, also the dead-letter queue, keep an object's event for this time."""

CLAIM_LIFETIME = timedelta(days=1)
"""An Idempotency-Key stands for its upload for this time."""


class Status(StrEnum):
    """How far an upload is. Every change is a conditional write that raises `version` by one."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    ABORTED = "aborted"
    EXPIRED = "expired"


PREDECESSORS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(),
    Status.UPLOADED: frozenset({Status.PENDING}),
    Status.PROCESSING: frozenset({Status.UPLOADED}),
    Status.COMPLETED: frozenset({Status.PROCESSING}),
    # A run fails what it processes; the reconciler also fails what was never processed.
    Status.FAILED: frozenset({Status.PENDING, Status.UPLOADED, Status.PROCESSING}),
    Status.REJECTED: frozenset({Status.PROCESSING}),
    Status.ABORTED: frozenset({Status.PENDING}),
    Status.EXPIRED: frozenset({Status.PENDING}),
}
"""By state, the states that it can follow. A write from any other state changes nothing."""

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.REJECTED, Status.ABORTED, Status.EXPIRED})


def needs_place(status: str, method: str) -> bool:
    """Return whether an upload holds one of its owner's places: it has no object yet, and S3 still accepts one.

    S3 accepts an aborted upload's URL or form until it expires, but no parts after AbortMultipartUpload.
    """
    return status == Status.PENDING or (status == Status.ABORTED and method != Method.MULTIPART)


class Run(NamedTuple):
    """One try to process an upload."""

    job_id: str
    """The event's id: the same for all tries of one event, for duplicates of its message and after a redrive."""
    run_id: str
    """Unique: a run writes only while the record names it."""
    sent_at: datetime | None = None
    """When its message was sent to the queue. A message sent after its upload has failed is an operator's redrive."""
    grouped_at: datetime | None = None
    """When its event arrived, if known. An event that arrived after its upload failed is a duplicate, or late."""


class Multipart(NamedTuple):
    """The multipart upload in S3, and its planned parts."""

    multipart_id: str
    """S3's id of the multipart upload."""
    part_size_bytes: int
    """Of the first part."""
    part_growth_bytes: int | None = None
    """Only of an upload that was declared without a size, as `max_size_bytes`."""
    max_size_bytes: int | None = None
    """The owner's quota when the upload was declared: no part is signed beyond it."""

    @classmethod
    def of(cls, multipart_id: str, declared: UploadRequest, *, max_size_bytes: int) -> Self:
        """Plan the parts of a new upload."""
        if declared.size_bytes is not None:
            return cls(multipart_id, Parts.of(declared.size_bytes).part_size_bytes)
        parts = Parts.growing(max_size_bytes)
        return cls(multipart_id, parts.part_size_bytes, parts.part_growth_bytes, max_size_bytes)

    def parts(self, declared: UploadRequest) -> Parts:
        """Return the planned parts: those of the declared size, or of the quota while none is declared."""
        size_bytes = declared.size_bytes or self.max_size_bytes or declared.final_size_bytes
        return Parts(size_bytes, self.part_size_bytes, self.part_growth_bytes or 0)


class Result(NamedTuple):
    """Where S3 has a result."""

    bucket: str
    key: str


class Reason(NamedTuple):
    """Why an upload has no result."""

    code: str
    """For programs."""
    detail: str
    """A sentence for people."""


class Reconciled(NamedTuple):
    """The last look of reconcile_uploads at an upload that is open for long."""

    reconciled_at: datetime
    reconciled_status: Status
    """The upload's at that time."""
    requeues: int
    """How often the upload was sent to be processed again in this status."""


class Upload(NamedTuple):
    """One upload as the status table holds it; times are UTC. fields.py says what an annotation declares."""

    ref: Annotated[UploadRef, GROUP]
    status: Annotated[Status, public("State of the upload")]
    version: Annotated[int, public("Rises by one with every change of the status")]
    declared: Annotated[UploadRequest, GROUP]
    method: Method
    created_at: Annotated[datetime, public("When the upload was declared")]
    updated_at: Annotated[datetime, public("When the status changed last")]
    expires_at: datetime
    """When its presigned URL stops working."""
    multipart: Annotated[Multipart | None, GROUP] = None
    """Only of an upload in parts."""
    place: int | None = None
    """Number of the place that it holds while needs_place() is true (storage/places.py)."""
    object_version: str | None = None
    """S3's version id of the upload's object; None before the object exists."""
    leased_until: datetime | None = None
    """When another run can take the upload; only while it is processed."""
    progress_percent: Annotated[int | None, public("How far processing is, if the processor reports it")] = None
    progress_note: Annotated[str | None, public("What the processor does at the moment, in its own words")] = None
    result: Annotated[Result | None, public("Where the result is", shown_in=Status.COMPLETED)] = None
    failure: Annotated[Reason | None, public("Why processing failed", shown_in=Status.FAILED)] = None
    rejection: Annotated[Reason | None, public("Why the object was rejected", shown_in=Status.REJECTED)] = None
    reconciled: Annotated[Reconciled | None, GROUP] = None

    @property
    def open_until(self) -> datetime:
        """When S3 stops accepting bytes: the URL expires, or S3 deletes the incomplete parts."""
        return self.created_at + MULTIPART_LIFETIME if self.method is Method.MULTIPART else self.expires_at

    @property
    def bytes_until(self) -> datetime:
        """When certainly no more bytes can arrive: a day after `open_until`.

        S3 aborts parts at the midnight that follows, a request that began in time may last, and the URL can be renewed
        while an Idempotency-Key stands for the upload.
        """
        return self.open_until + CLAIM_LIFETIME  # a day

    @property
    def part_checksum(self) -> str | None:
        """The algorithm of the parts' checksums; None if they have none.

        S3 takes checksums of parts only if the upload began with them: a checksum that was declared at completion is
        of the object alone.
        """
        is_late = self.multipart is not None and self.multipart.max_size_bytes is not None
        return str(self.declared.checksum.algorithm) if self.declared.checksum and not is_late else None

    def declared_late(self, late: LateDeclaration) -> UploadRequest:
        """Return what is declared of an upload in parts when it is completed.

        Raises InvalidRequest if there is no size, SizeMismatch or InvalidRequest if another size or checksum was
        declared before, or QuotaExceeded.
        """
        declared, limit = self.declared, self.multipart and self.multipart.max_size_bytes
        if declared.size_bytes is not None:
            if late.size_bytes not in {None, declared.size_bytes}:
                raise SizeMismatch(f"size_bytes is {late.size_bytes}, but {declared.size_bytes} was declared before.")
            if late.checksum not in {None, declared.checksum}:
                raise InvalidRequest(["checksum must be left out: the upload was declared with another one, or none."])
            return declared
        if late.size_bytes is None:
            raise InvalidRequest(["size_bytes is required: the upload was declared without it."])
        if limit is not None and late.size_bytes > limit:
            raise QuotaExceeded(f"size_bytes is {late.size_bytes}, but your quota is {limit} an upload.")
        return declared._replace(size_bytes=late.size_bytes, checksum=late.checksum)

    def not_open(self, detail: str) -> NotOpen:
        """Return the error of a request that the present state does not allow."""
        return NotOpen(detail, self.ref.upload_id, self.status)

    def not_pending(self) -> NotOpen:
        """Return the error of a request that needs the state `pending`."""
        return self.not_open(f"The upload is {self.status}, and no longer pending.")

    def without_parts(self) -> NotOpen:
        """Return the error of a request about parts, if the upload is sent in one request."""
        return self.not_open("The upload comes in one request, and has no parts.")

    def parts_gone(self) -> NotOpen:
        """Return the error of a request about parts that S3 no longer has."""
        return self.not_open(
            "S3 no longer has the parts: the upload was completed, or S3 aborted it because of its age."
        )

    def delete_at(self, retention: timedelta) -> datetime:
        """When its record can be deleted: `retention` after its creation, but not while bytes or events need it.

        The event of the last bytes stays in a queue for up to MESSAGE_LIFETIME.
        """
        return max(self.created_at + retention, self.bytes_until + MESSAGE_LIFETIME)


class Claim(NamedTuple):
    """One Idempotency-Key of one owner, and the request that it was sent with."""

    key_hash: str
    fingerprint: str
    """Hash of the declaration. The same key with another declaration is a conflict."""
    ends_at: datetime
    """After this time the key can stand for another upload."""

    @classmethod
    def of(cls, key: str, declared: UploadRequest, now: datetime) -> Self:
        """Make a claim with the key's hash, so that readers of the table do not see the key. Raises InvalidRequest."""
        if not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key):
            raise InvalidRequest([f"Idempotency-Key is {shown(key)}, but must be 1 to 255 visible ASCII characters."])
        declaration = {name: value for name, value in declared._asdict().items() if value is not None}
        return cls(_hashed(key), _hashed(json.dumps(declaration, sort_keys=True)), now + CLAIM_LIFETIME)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
