"""What an upload is, and which states it passes through."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from handlers.domain.declaration import UploadRequest, shown
from handlers.domain.errors import InvalidRequest, NotOpen
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
    parts: Annotated[Parts, GROUP]


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
