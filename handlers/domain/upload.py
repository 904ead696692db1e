"""What an upload is, and which states it passes through."""

import hashlib
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from handlers.domain.declaration import UploadRequest, shown
from handlers.domain.errors import InvalidRequest, UnknownUpload
from handlers.domain.fields import GROUP, public
from handlers.domain.plan import Method, Parts

OBJECT_PREFIX = "uploads/"
RESULT_PREFIX = "results/"

UPLOAD_ID_PATTERN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""A UUID as we write it."""

MULTIPART_LIFETIME = timedelta(days=14)
"""After which the bucket's lifecycle rule deletes the parts of an upload that was never completed."""

IDEMPOTENCY_KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
"""Visible ASCII; a UUID is best."""

LONGEST_RUN = timedelta(minutes=15)
"""Lambda's limit: after it a run without a lease is over."""

MESSAGE_LIFETIME = timedelta(days=14)
"""For which the queues keep an object's event, dead letters included; SQS's limit."""

CLAIM_LIFETIME = timedelta(days=1)
"""For which an Idempotency-Key stands for its upload."""

OPEN_SHARDS = 8
"""Partitions of the index of open uploads: one alone would cap the whole system at 1,000 writes a second."""


class Status(StrEnum):
    """How far an upload is. Every change is a conditional write that raises `version` by one."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    ABORTED = "aborted"


PREDECESSORS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(),
    Status.UPLOADED: frozenset({Status.PENDING}),
    Status.PROCESSING: frozenset({Status.UPLOADED}),
    Status.COMPLETED: frozenset({Status.PROCESSING}),
    Status.FAILED: frozenset({Status.PROCESSING}),
    Status.REJECTED: frozenset({Status.PROCESSING}),
    Status.ABORTED: frozenset({Status.PENDING}),
}
"""The states from which each state may be reached; a write from any other changes nothing."""

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.REJECTED, Status.ABORTED})


def needs_place(status: str, method: str) -> bool:
    """Return whether an upload holds a place of its owner's: it has no object yet, and S3 still accepts one.

    S3 accepts an aborted upload's URL or form until it expires, but no parts after AbortMultipartUpload.
    """
    return status == Status.PENDING or (status == Status.ABORTED and method != Method.MULTIPART)


class UploadRef(NamedTuple):
    """Names one upload; the owner is its partition, so that nobody can name another's."""

    owner: str
    upload_id: Annotated[str, public("Names the upload; a UUID")]

    @property
    def object_key(self) -> str:
        """Where the bytes go. A user's file name is data, never part of a key."""
        return f"{OBJECT_PREFIX}{self.owner}/{self.upload_id}"

    @property
    def result_key(self) -> str:
        """Where the processor's result goes."""
        return f"{RESULT_PREFIX}{self.owner}/{self.upload_id}.json"

    @property
    def open_shard(self) -> str:
        """The partition of the open-uploads index, stable for an upload."""
        return str(zlib.crc32(self.upload_id.encode()) % OPEN_SHARDS)

    @classmethod
    def from_object_key(cls, key: str) -> Self:
        """Reverse `object_key`; raises UnknownUpload for any other key."""
        match key.removeprefix(OBJECT_PREFIX).split("/"):
            case [owner, upload_id] if key.startswith(OBJECT_PREFIX) and owner and upload_id:
                return cls(owner, upload_id)
            case _:
                raise UnknownUpload(f"{key!r} is not of the form {OBJECT_PREFIX}{{owner}}/{{upload_id}}")


class Run(NamedTuple):
    """One try to process an upload."""

    job_id: str
    """The event's id: the same for all tries of one event, for duplicates of its message and after a redrive."""
    run_id: str
    """Unique: a run writes only while the record names it."""


class Multipart(NamedTuple):
    """What S3 and the record know of an upload in parts."""

    multipart_id: str
    """S3's id of it."""
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
    """Which of its owner's places it holds as long as needs_place() says."""
    object_version: str | None = None
    """S3's version id of the object that is the upload's; None before it is there."""
    leased_until: datetime | None = None
    """When another run may take it; only of an upload that is being processed."""
    result: Annotated[Result | None, public("Where the result is", shown_in=Status.COMPLETED)] = None
    failure: Annotated[Reason | None, public("Why processing failed", shown_in=Status.FAILED)] = None
    rejection: Annotated[Reason | None, public("Why the object was rejected", shown_in=Status.REJECTED)] = None

    @property
    def open_until(self) -> datetime:
        """When no more bytes can arrive, because S3 deletes parts that were not completed."""
        return self.created_at + MULTIPART_LIFETIME if self.method is Method.MULTIPART else self.expires_at

    def delete_at(self, retention: timedelta) -> datetime:
        """When its record can be deleted: `retention` after its creation, but not while bytes or events need it.

        Bytes can come until a day after `open_until`: S3 aborts parts at the midnight that follows, and the URL can be
        renewed while an Idempotency-Key stands for the upload. Their event stays in a queue for up to MESSAGE_LIFETIME.
        """
        last_bytes = self.open_until + CLAIM_LIFETIME  # a day
        return max(self.created_at + retention, last_bytes + MESSAGE_LIFETIME)


class NotOpen(Exception):
    """The upload's state no longer allows this, or it is not sent in parts."""

    def __init__(self, detail: str, upload: Upload) -> None:
        super().__init__(detail)
        self.upload = upload
        """In its present state."""

    @classmethod
    def not_pending(cls, upload: Upload) -> Self:
        """The upload has left the state `pending`."""
        return cls(f"The upload is {upload.status}, and no longer pending.", upload)

    @classmethod
    def without_parts(cls, upload: Upload) -> Self:
        """The upload is sent in one request."""
        return cls("The upload comes in one request, and has no parts.", upload)

    @classmethod
    def parts_gone(cls, upload: Upload) -> Self:
        """S3 no longer knows the multipart upload."""
        return cls("S3 no longer has the parts: the upload was completed, or S3 aborted it because of its age.", upload)


class Claim(NamedTuple):
    """One Idempotency-Key of one owner, and the request that it was sent with."""

    key_hash: str
    fingerprint: str
    """Of the declaration: another one with the same key is a conflict."""
    ends_at: datetime
    """From then on the key may stand for another upload."""

    @classmethod
    def of(cls, key: str, declared: UploadRequest, now: datetime) -> Self:
        """Remember a key for a day, by its hash, so that readers of the table do not see it. Raises InvalidRequest."""
        if not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key):
            raise InvalidRequest([f"Idempotency-Key is {shown(key)}, but must be 1 to 255 visible ASCII characters."])
        told = {name: value for name, value in declared._asdict().items() if value is not None}
        return cls(_hashed(key), _hashed(json.dumps(told, sort_keys=True)), now + CLAIM_LIFETIME)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def url_expiry(now: datetime, expires_in_seconds: int) -> datetime:
    """When a URL that is signed now stops working: a signature's own time has no fraction of a second."""
    return now.replace(microsecond=0) + timedelta(seconds=expires_in_seconds)


def iso(moment: datetime) -> str:
    """UTC to the millisecond, in the one form that API, table and results use."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
