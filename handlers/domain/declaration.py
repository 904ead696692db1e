"""What a client declares about a file before it sends the bytes, and how its request is checked."""

import base64
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self, cast

from handlers.domain.errors import MOST_ERRORS, InvalidRequest
from handlers.domain.fields import NOT_STORED, public
from handlers.domain.plan import MAX_OBJECT_BYTES, Method

MAX_FILE_NAME_LENGTH = 255
"""Characters. Common file systems have the same limit."""

FILE_NAME_PATTERN = r"^[^/\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+$"
"""One name, not a path. Control characters are excluded, because they break headers and log lines. Characters that
change the reading direction are excluded, because photo<U+202E>gnp.exe is shown as photoexe.png. Joiners (U+200C and
U+200D) are allowed, because scripts and emoji need them.
Source: Unicode Technical Report 36, "Bidirectional Text Spoofing".
"""

MAX_CONTENT_TYPE_LENGTH = 255
CONTENT_TYPE_PATTERN = (
    r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"
    r"(; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)*$"
)
"""A media type of RFC 6838 with simple parameters, such as text/csv; charset=utf-8."""


class ChecksumAlgorithm(StrEnum):
    """The checksums that a client can declare for a file and its parts. S3 supports both."""

    SHA256 = "sha256"
    CRC32 = "crc32"

    @property
    def size_bytes(self) -> int:
        """The bytes of a checksum, before base64."""
        return 32 if self is ChecksumAlgorithm.SHA256 else 4

    @property
    def header(self) -> str:
        """The header with a checksum. S3 then rejects other bytes."""
        return f"x-amz-checksum-{self}"

    def error(self, value: object) -> str | None:
        """Return what the checksum in base64 must be, or None if the value is valid."""
        if isinstance(value, str) and _is_base64_of(self.size_bytes, value):
            return None
        return f"the base64 of {self.size_bytes} bytes"


class Checksum(NamedTuple):
    """The whole file's checksum."""

    algorithm: ChecksumAlgorithm
    value: str
    """In base64, as S3 writes it."""

    @classmethod
    def parse(cls, value: Mapping[str, str]) -> Self:
        """Read a value that `_checksum_error` has accepted."""
        return cls(ChecksumAlgorithm(value["algorithm"]), value["value"])


class UploadRequest(NamedTuple):
    """What a client declares about a file. fields.py explains the annotations."""

    file_name: Annotated[str, public("Name of the file, as it was declared")]
    content_type: Annotated[str, public("Media type of the file, as it was declared")]
    size_bytes: Annotated[int | None, public("Size of the file in bytes; missing until it is declared")] = None
    """None for an upload of unknown size: its client declares it when it completes the upload."""
    method: Annotated[Method | None, NOT_STORED] = None
    """The method that the client asks for; None if the server chooses. Upload.method has the choice."""
    checksum: Checksum | None = None

    @property
    def final_size_bytes(self) -> int:
        """The size, when it is known: each upload with an object has one."""
        if self.size_bytes is None:
            raise RuntimeError("The size of this upload is not declared yet.")
        return self.size_bytes

    @classmethod
    def parse(cls, body: object, allowed_methods: Collection[str]) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with all errors, not only the first."""
        required = ["file_name", "content_type", *([] if _may_lack_size(body) else ["size_bytes"])]
        checks: dict[str, Check] = {
            "file_name": _file_name_error,
            "content_type": _content_type_error,
            "size_bytes": _size_error,
            "method": lambda method: _method_error(method, allowed_methods),
            "checksum": _checksum_error,
        }
        fields = checked_fields(body, checks, required=required)
        method = Method(fields.pop("method")) if "method" in fields else None
        checksum = Checksum.parse(fields.pop("checksum")) if "checksum" in fields else None
        declared = cls(**fields, method=method, checksum=checksum)
        if declared.size_bytes is None:
            if checksum:
                raise InvalidRequest(["checksum must be left out without size_bytes: declare both at completion."])
        elif method and declared.size_bytes > method.max_size_bytes:
            limit = f"at most {method.max_size_bytes} with method {method}; leave method out for a larger file"
            raise InvalidRequest([f"size_bytes is {declared.size_bytes}, but must be {limit}."])
        return declared


class LateDeclaration(NamedTuple):
    """What a client declares when it completes an upload that it began without a size."""

    size_bytes: int | None = None
    """None if it was declared before."""
    checksum: Checksum | None = None

    @classmethod
    def parse(cls, body: object) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with all errors, not only the first."""
        fields = checked_fields(body, {"size_bytes": _size_error, "checksum": _checksum_error}, required=())
        if "checksum" in fields and "size_bytes" not in fields:
            raise InvalidRequest(["size_bytes is required with checksum."])
        checksum = Checksum.parse(fields["checksum"]) if "checksum" in fields else None
        return cls(fields.get("size_bytes"), checksum)


Check = Callable[[object], str | None]
"""Returns what the value must be, or None if the value is valid."""


_EXCEPTIONS = {"size_bytes": ", except with method multipart: then it can be declared at completion"}
"""When a required field can be left out, for the error."""


def checked_fields(body: object, checks: Mapping[str, Check], *, required: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a JSON object; raises InvalidRequest with all errors, such as missing and unknown fields."""
    if not isinstance(body, dict):
        *others, last = required or checks
        raise InvalidRequest([f"The body must be a JSON object with {', '.join(others)} and {last}."])
    fields = dict(cast("dict[str, Any]", body))
    errors = [f"{name} is required{_EXCEPTIONS.get(name, '')}." for name in required if name not in fields]
    unknown = [name for name in fields if name not in checks]
    errors += [f"{shown(name)} is not a field; only {', '.join(checks)} are." for name in unknown[:MOST_ERRORS]]
    errors += [
        f"{name} is {shown(fields[name])}, but must be {error}."
        for name, check in checks.items()
        if name in fields and (error := check(fields[name]))
    ]
    if errors:
        raise InvalidRequest(errors)
    return fields


def whole_number_error(value: object, most: int) -> str | None:
    """Return what the number must be, or None if the value is valid."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return None
    return f"a whole number from 1 to {most}"


def shown(value: object) -> str:
    """Return a client's value for an error message: one line of ASCII."""
    try:
        text = ascii(value)
    except RecursionError:  # JSON may be nested as deeply as it can be read, but not written
        return "a deeply nested value"
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - an error line stays a line


def _may_lack_size(body: object) -> bool:
    return isinstance(body, dict) and cast("dict[str, object]", body).get("method") == Method.MULTIPART


def _size_error(value: object) -> str | None:
    return whole_number_error(value, MAX_OBJECT_BYTES)


def _file_name_error(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_FILE_NAME_LENGTH and re.fullmatch(FILE_NAME_PATTERN, value):
        # A lone surrogate is valid JSON but no text: neither DynamoDB nor S3 could store it.
        return "valid Unicode text" if any("\ud800" <= char <= "\udfff" for char in value) else None
    return f"a name of 1 to {MAX_FILE_NAME_LENGTH} characters without slashes, control or bidirectional characters"


def _content_type_error(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_CONTENT_TYPE_LENGTH and re.fullmatch(CONTENT_TYPE_PATTERN, value):
        return None
    return f"a media type such as application/pdf, of at most {MAX_CONTENT_TYPE_LENGTH} characters"


def _method_error(value: object, allowed: Collection[str]) -> str | None:
    return None if isinstance(value, str) and value in allowed else f"one of {', '.join(allowed)}"


def _checksum_error(value: object) -> str | None:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        algorithm = fields.get("algorithm")
        if fields.keys() == {"algorithm", "value"} and isinstance(algorithm, str) and algorithm in _ALGORITHMS:
            error = ChecksumAlgorithm(algorithm).error(fields["value"])
            return f"of {algorithm}, with {error} as its value" if error else None
    return f'an object {{"algorithm": {" or ".join(_ALGORITHMS)}, "value": the checksum in base64}}'


_ALGORITHMS = tuple(str(algorithm) for algorithm in ChecksumAlgorithm)


def _is_base64_of(size_bytes: int, text: str) -> bool:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    # Several texts encode the same bytes. S3 accepts only the one that it would write itself.
    return len(data) == size_bytes and base64.b64encode(data).decode() == text
