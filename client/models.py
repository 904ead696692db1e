"""The API's answers as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from client.answers import Fields

_TERMINAL = frozenset({"completed", "failed", "rejected", "aborted", "expired"})

ENDED_EARLY = frozenset({"aborted", "expired"})
"""Statuses of an upload that ended before its bytes were complete."""

METHODS = ("put", "post", "multipart")
"""How the bytes of an upload can be sent."""


@dataclass(frozen=True)
class Checksum:
    """The declared checksum of the whole file: `sha256` or `crc32`, in base64."""

    algorithm: str
    value: str


@dataclass(frozen=True)
class PartPlan:
    """How a file is divided into parts of equal size (the last one may be smaller), with a session to sign them."""

    part_size_bytes: int
    part_count: int
    session: str
    """Token for `sign_parts`."""
    session_expires_at: datetime
    checksum_algorithm: str | None = None
    """Algorithm of the parts' checksums, the same as that of the declared one."""


@dataclass(frozen=True)
class CreatedUpload:
    """A declared upload, and how to send its bytes."""

    upload_id: str
    status: str
    method: str
    """`put` (one request), `post` (a form) or `multipart`."""
    url: str
    """Presigned: valid for this one object until it expires, for any client that has it. Empty for `multipart`."""
    headers: Mapping[str, str]
    """Signed: send exactly these. Only for `put`."""
    expires_at: datetime
    expires_in_seconds: int
    parts: PartPlan | None = None
    """Only for `multipart`."""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields of the form: send exactly these before the file, which is the last field, `file`. Only for `post`."""


@dataclass(frozen=True)
class HeldPart:
    """A part at S3."""

    size_bytes: int
    etag: str
    checksum: str | None = None
    """In base64, if the file was declared with one."""


@dataclass(frozen=True)
class HeldParts:
    """The parts of an upload at S3 by number, and a new session."""

    plan: PartPlan
    parts: Mapping[int, HeldPart]


@dataclass(frozen=True)
class PartSignatures:
    """Presigned URLs of a range of parts, in a compact form."""

    first_part: int
    url_prefix: str
    url_suffix: str
    signatures: tuple[str, ...]
    lifetime_seconds: float
    """Remaining validity, by the server's clock."""

    def url(self, part_number: int) -> str:
        """Return the URL of a part."""
        return f"{self.url_prefix}{part_number}{self.url_suffix}{self.signatures[part_number - self.first_part]}"


@dataclass(frozen=True)
class ResultPlace:
    """Where the result is stored."""

    bucket: str
    key: str


@dataclass(frozen=True)
class ResultLink:
    """A presigned URL of the result. Works without a sign-in until it expires."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Failure:
    """Why an upload has no result: a code for programs, and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Upload:
    """The state of an upload."""

    upload_id: str
    status: str
    version: int
    """Increases by one with each change of the status."""
    file_name: str
    content_type: str
    size_bytes: int
    created_at: datetime
    updated_at: datetime
    result: ResultPlace | None
    """Only if completed."""
    failure: Failure | None
    """Only if failed."""
    rejection: Failure | None = None
    """Only if rejected."""
    progress_percent: int | None = None
    """Only while it is processed, and if the processor reports it."""
    progress_note: str | None = None
    """As progress_percent."""

    @property
    def is_finished(self) -> bool:
        """Whether the status is terminal."""
        return self.status in _TERMINAL


@dataclass(frozen=True)
class UploadPage:
    """Some of a user's uploads, newest first."""

    uploads: tuple[Upload, ...]
    next: str | None
    """`after` of the next page. None on the last one."""


def created_upload(fields: Fields) -> CreatedUpload:
    """Read the answer to a declaration."""
    method = fields.text("method")
    in_parts = method == "multipart"
    return CreatedUpload(
        upload_id=fields.text("upload_id"),
        status=fields.text("status"),
        method=method,
        url="" if in_parts else fields.text("url"),
        headers=fields.texts("headers") if method == "put" else {},
        expires_at=fields.time("expires_at"),
        expires_in_seconds=fields.number("expires_in_seconds"),
        parts=part_plan(fields) if in_parts else None,
        fields=fields.texts("fields") if method == "post" else {},
    )


def part_plan(fields: Fields) -> PartPlan:
    """Read the plan, which is part of the answers to a declaration and a listing of parts."""
    return PartPlan(
        part_size_bytes=fields.number("part_size_bytes"),
        part_count=fields.number("part_count"),
        session=fields.text("session"),
        session_expires_at=fields.time("session_expires_at"),
        checksum_algorithm=fields.text("checksum_algorithm") if "checksum_algorithm" in fields else None,
    )


def held_parts(fields: Fields) -> HeldParts:
    """Read a listing of parts."""
    return HeldParts(
        plan=part_plan(fields),
        parts={part.number("part_number"): _held_part(part) for part in fields.inners("parts")},
    )


def upload(fields: Fields) -> Upload:
    """Read an upload."""
    return Upload(
        upload_id=fields.text("upload_id"),
        status=fields.text("status"),
        version=fields.number("version"),
        file_name=fields.text("file_name"),
        content_type=fields.text("content_type"),
        size_bytes=fields.number("size_bytes"),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
        result=_result(fields.inner("result")) if "result" in fields else None,
        failure=_failure(fields.inner("failure")) if "failure" in fields else None,
        rejection=_failure(fields.inner("rejection")) if "rejection" in fields else None,
        progress_percent=fields.number("progress_percent") if "progress_percent" in fields else None,
        progress_note=fields.text("progress_note") if "progress_note" in fields else None,
    )


def upload_page(fields: Fields) -> UploadPage:
    """Read a page of uploads."""
    return UploadPage(
        uploads=tuple(upload(each) for each in fields.inners("uploads")),
        next=fields.text("next") if "next" in fields else None,
    )


def result_link(fields: Fields) -> ResultLink:
    """Read the link to a result."""
    return ResultLink(url=fields.text("url"), expires_at=fields.time("expires_at"))


def _held_part(fields: Fields) -> HeldPart:
    return HeldPart(
        size_bytes=fields.number("size_bytes"),
        etag=fields.text("etag"),
        checksum=fields.text("checksum") if "checksum" in fields else None,
    )


def _result(fields: Fields) -> ResultPlace:
    return ResultPlace(bucket=fields.text("bucket"), key=fields.text("key"))


def _failure(fields: Fields) -> Failure:
    return Failure(code=fields.text("code"), detail=fields.text("detail"))
