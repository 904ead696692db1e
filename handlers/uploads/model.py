"""What an upload is, which states it passes through, and what a client may ask for."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, cast

from handlers.uploads.plan import Method, Parts

OBJECT_PREFIX = "uploads/"
RESULT_PREFIX = "results/"

UPLOAD_ID_PATTERN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""A UUID as we write it."""

METHODS = (Method.PUT, Method.MULTIPART)
"""What a client may choose from."""

MAX_FILE_NAME_LENGTH = 255
"""Characters; what common file systems allow in one name."""

FILE_NAME_PATTERN = r"^[^/\\\x00-\x1f\x7f-\x9f]+$"
"""One name, not a path, and nothing that would break a header or a log line."""

MAX_CONTENT_TYPE_LENGTH = 255
CONTENT_TYPE_PATTERN = (
    r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"
    r"(; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)*$"
)
"""A media type of RFC 6838 with simple parameters, such as text/csv; charset=utf-8."""

MOST_FAULTS = 10
"""Unknown fields, or ranges of parts, that an answer names: it must not become larger than Lambda may answer."""

OPEN_SHARDS = 8
"""Partitions of the index of open uploads: one alone would cap the whole system at 1,000 writes a second."""


class Status(StrEnum):
    """How far an upload is. Every change is a conditional write that raises `version` by one."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"


PREDECESSORS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(),
    Status.UPLOADED: frozenset({Status.PENDING}),
    Status.PROCESSING: frozenset({Status.UPLOADED}),
    Status.COMPLETED: frozenset({Status.PROCESSING}),
    Status.FAILED: frozenset({Status.PROCESSING}),
    Status.ABORTED: frozenset({Status.PENDING}),
}
"""The states from which each state may be reached; a write from any other changes nothing."""

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.ABORTED})


class InvalidRequest(Exception):
    """What the client asked for breaks the contract; `faults` names each field, its value and the fix."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class UnknownUpload(Exception):
    """No record exists of an upload: it was not asked for through the API, or its record is gone."""


class NoResult(Exception):
    """The upload has no result, or has none yet."""


class NotOpen(Exception):
    """The upload is past the state in which this could be done, or does not come in parts."""


class PartsMissing(Exception):
    """Parts are not there, or not in their planned length; `ranges` has their first and last numbers."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MOST_FAULTS])
        more = f" and {len(ranges) - MOST_FAULTS} more ranges" if len(ranges) > MOST_FAULTS else ""
        super().__init__(f"Not there in their planned length are parts {named}{more}; send them, and complete again.")
        self.ranges = ranges


@dataclass(frozen=True)
class UploadRef:
    """Names one upload; the owner is its partition, so that nobody can name another's."""

    owner: str
    upload_id: str

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


@dataclass(frozen=True)
class UploadRequest:
    """What a client declares of a file before its bytes may come."""

    file_name: str
    content_type: str
    size_bytes: int
    method: Method | None = None
    """How the bytes are to come; None leaves it to the server."""

    @classmethod
    def parse(cls, body: object, *, max_size_bytes: int) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with every fault found, not only the first."""
        required = ("file_name", "content_type", "size_bytes")
        checks: dict[str, Check] = {
            "file_name": _file_name_fault,
            "content_type": _content_type_fault,
            "size_bytes": lambda size: whole_number_fault(size, 1, max_size_bytes),
            "method": _method_fault,
        }
        fields = checked_fields(body, checks, required=required)
        method = Method(fields.pop("method")) if "method" in fields else None
        declared = cls(**fields, method=method)
        if method and declared.size_bytes > method.max_size_bytes:
            limit = f"at most {method.max_size_bytes} with method {method}; leave method out for a larger file"
            raise InvalidRequest([f"size_bytes is {declared.size_bytes}, but must be {limit}."])
        return declared


Check = Callable[[object], str | None]
"""Returns what a value must be, where it is not."""


def checked_fields(body: object, checks: Mapping[str, Check], *, required: tuple[str, ...]) -> dict[str, Any]:
    """Take a JSON object of these fields and no others; raises InvalidRequest with every fault."""
    if not isinstance(body, dict):
        names = f"{', '.join(required[:-1])} and {required[-1]}"
        raise InvalidRequest([f"The body must be a JSON object with {names}."])
    fields = dict(cast("dict[str, Any]", body))
    faults = [f"{name} is required." for name in required if name not in fields]
    unknown = [name for name in fields if name not in checks]
    faults += [f"{_shown(name)} is not a field; only {', '.join(checks)} are." for name in unknown[:MOST_FAULTS]]
    faults += [
        f"{name} is {_shown(fields[name])}, but must be {fault}."
        for name, check in checks.items()
        if name in fields and (fault := check(fields[name]))
    ]
    if faults:
        raise InvalidRequest(faults)
    return fields


def whole_number_fault(value: object, least: int, most: int) -> str | None:
    """Tell what a number must be, where it is not."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return None
    return f"a whole number from {least} to {most}"


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - an error line stays a line


def _file_name_fault(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_FILE_NAME_LENGTH and re.fullmatch(FILE_NAME_PATTERN, value):
        # A lone surrogate is valid JSON but no text: neither DynamoDB nor S3 could store it.
        return "valid Unicode text" if any("\ud800" <= char <= "\udfff" for char in value) else None
    return f"a name of 1 to {MAX_FILE_NAME_LENGTH} characters without slashes or control characters"


def _content_type_fault(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_CONTENT_TYPE_LENGTH and re.fullmatch(CONTENT_TYPE_PATTERN, value):
        return None
    return f"a media type such as application/pdf, of at most {MAX_CONTENT_TYPE_LENGTH} characters"


def _method_fault(value: object) -> str | None:
    return None if isinstance(value, str) and value in METHODS else f"one of {', '.join(METHODS)}"


@dataclass(frozen=True)
class Multipart:
    """What S3 and the record know of an upload in parts."""

    multipart_id: str
    """S3's id of it."""
    parts: Parts


@dataclass(frozen=True)
class Upload:
    """One upload as the status table holds it; times are UTC."""

    ref: UploadRef
    status: Status
    version: int
    declared: UploadRequest
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    """When its presigned URL stops working."""
    multipart: Multipart | None = None
    """Only of an upload in parts."""
    result: Mapping[str, str] | None = None
    """Bucket and key, only of a completed upload."""
    failure: Mapping[str, str] | None = None
    """Code and detail, only of a failed upload."""

    @property
    def method(self) -> Method:
        """How its bytes come."""
        return Method.MULTIPART if self.multipart else Method.PUT


def iso(moment: datetime) -> str:
    """UTC to the millisecond, in the one form that API, table and results use."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
