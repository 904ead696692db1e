"""The API's answers as typed values. Members that this client does not know are ignored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A whole number that all JSON readers read exactly (RFC 8259, 6)."""

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its zone."""

_TERMINAL = frozenset({"completed", "failed", "rejected", "aborted", "expired"})

ENDED_EARLY = frozenset({"aborted", "expired"})
"""Statuses of an upload that ended before its bytes were complete."""

METHODS = ("put", "post", "multipart")
"""How the bytes of an upload can be sent."""


class Checksum(Struct, frozen=True):
    """The declared checksum of the whole file: `sha256` or `crc32`, in base64."""

    algorithm: str
    value: str


class PartSize(Struct, frozen=True):
    """The size of parts from one on, until the next one of these."""

    first_part: int
    size_bytes: int


class PartPlan(Struct, frozen=True):
    """How a file is divided into parts, with a session to sign them.

    The parts have equal size. The last one may be smaller. Those of an upload of unknown size grow (`part_sizes`).
    """

    part_size_bytes: Count
    part_count: Count
    session: str
    """Token for `sign_parts`."""
    session_expires_at: Moment
    checksum_algorithm: str | None = None
    """Algorithm of the parts' checksums, the same as that of the declared one."""
    part_sizes: tuple[PartSize, ...] = ()
    """Only of an upload that was declared without a size: its parts grow."""
    max_size_bytes: int | None = None
    """Only while no size is declared: any part can be the last one, up to this size of the file."""

    def size_of(self, number: int) -> int:
        """Return the size of a part that is not the last one."""
        sizes = [each.size_bytes for each in self.part_sizes if each.first_part <= number]
        return sizes[-1] if sizes else self.part_size_bytes


class CreatedUpload(Struct, frozen=True):
    """A declared upload, and how to send its bytes."""

    upload_id: str
    status: str
    method: str
    """`put` (one request), `post` (a form) or `multipart`."""
    expires_at: Moment
    expires_in_seconds: Count
    url: str = ""
    """Presigned: valid for this one object until it expires, for any client that has it. Empty for `multipart`."""
    headers: Mapping[str, str] = {}
    """Signed: send exactly these. Only for `put`."""
    parts: PartPlan | None = None
    """Only for `multipart`."""
    fields: Mapping[str, str] = {}
    """Fields of the form: send exactly these before the file, which is the last field, `file`. Only for `post`."""


class HeldPart(Struct, frozen=True):
    """A part at S3."""

    size_bytes: Count
    etag: str
    checksum: str | None = None
    """In base64, if the file was declared with one."""


class HeldParts(Struct, frozen=True):
    """The parts of an upload at S3 by number, and a new session."""

    plan: PartPlan
    parts: Mapping[int, HeldPart]


class PartSignatures(Struct, frozen=True):
    """Presigned URLs of a range of parts, in a compact form."""

    first_part: Count
    url_prefix: str
    url_suffix: str
    signatures: tuple[str, ...]
    expires_at: Moment
    lifetime_seconds: float = 0
    """Remaining validity, by the server's clock."""

    def covers(self, part_number: int) -> bool:
        """Whether the part is one of them."""
        return 0 <= part_number - self.first_part < len(self.signatures)

    def url(self, part_number: int) -> str:
        """Return the URL of a part."""
        return f"{self.url_prefix}{part_number}{self.url_suffix}{self.signatures[part_number - self.first_part]}"


class ResultPlace(Struct, frozen=True):
    """Where the result is stored."""

    bucket: str
    key: str


class ResultLink(Struct, frozen=True):
    """A presigned URL of the result. Works without a sign-in until it expires."""

    url: str
    expires_at: Moment


class Failure(Struct, frozen=True):
    """Why an upload has no result: a code for programs, and a sentence for people."""

    code: str
    detail: str


class Upload(Struct, frozen=True):
    """The state of an upload."""

    upload_id: str
    status: str
    version: Count
    """Increases by one with each change of the status."""
    file_name: str
    content_type: str
    created_at: Moment
    updated_at: Moment
    size_bytes: Count | None = None
    """None until it is declared: an upload of unknown size declares it when it is completed."""
    result: ResultPlace | None = None
    """Only if completed."""
    failure: Failure | None = None
    """Only if failed."""
    rejection: Failure | None = None
    """Only if rejected."""
    progress_percent: Count | None = None
    """Only while it is processed, and if the processor reports it."""
    progress_note: str | None = None
    """As progress_percent."""

    @property
    def is_finished(self) -> bool:
        """Whether the status is terminal."""
        return self.status in _TERMINAL


class UploadPage(Struct, frozen=True):
    """Some of a user's uploads, newest first."""

    uploads: tuple[Upload, ...]
    next: str | None = None
    """`after` of the next page. None on the last one."""


class Problem(Struct, frozen=True):
    """The body of an error (RFC 9457)."""

    type: str
    title: str
    detail: str
    request_id: str
    upload_id: str | None = None
    upload_status: str | None = None
