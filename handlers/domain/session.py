"""The session of a multipart upload, and the range of parts that a client asks signatures for with it.

A session is a signed token that the client sends, so that signing parts needs no database. A token is
base64url(payload) "." base64url(HMAC-SHA256 of the first half). Its payload contains the id of the signing key, so that
keys can be rotated while sessions are open.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, cast

from handlers.domain.declaration import Check, ChecksumAlgorithm, checked_fields, shown, whole_number_error
from handlers.domain.errors import MOST_ERRORS, InvalidRequest
from handlers.domain.plan import MAX_PART_BYTES, MAX_PARTS, Parts
from handlers.domain.upload_ref import UploadRef

VERSION = 1

MAX_TOKEN_LENGTH = 4096
"""Several times the length of our tokens; a longer one is not decoded."""


class InvalidSession(Exception):
    """The token is not ours, was changed, has expired, or belongs to another upload."""


class Session(NamedTuple):
    """All data that signing a part of one upload needs."""

    owner: str
    upload_id: str
    multipart_id: str
    """S3's id of the multipart upload."""
    size_bytes: int
    part_size_bytes: int
    checksum_algorithm: str | None
    expires_at: int
    """Epoch seconds."""
    part_growth_bytes: int | None = None
    """Only of an upload that was declared without a size, as in Multipart. `size_bytes` is the largest one then."""

    @property
    def ref(self) -> UploadRef:
        """The upload of the session."""
        return UploadRef(self.owner, self.upload_id)

    @property
    def parts(self) -> Parts:
        """The parts that were planned when the upload was declared."""
        return Parts(self.size_bytes, self.part_size_bytes, self.part_growth_bytes or 0)

    def token(self, key_id: str, key: bytes) -> str:
        """Sign the session with a key."""
        claims = {"version": VERSION, "key_id": key_id, **self._asdict()}
        body = _encoded(json.dumps(claims, separators=(",", ":")).encode())
        return f"{body}.{_signature(key, body)}"

    @classmethod
    def open(cls, token: str, keys: Mapping[str, bytes], *, ref: UploadRef, now: datetime) -> Self:
        """Verify a token with the current keys by key id; raises InvalidSession with a sentence for the client."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidSession(f"The session has {len(token)} characters, but ours have {MAX_TOKEN_LENGTH} at most.")
        body, _, signature = token.partition(".")
        claims = _claims(body)
        key_id = claims.pop("key_id", None)
        key = keys.get(key_id) if isinstance(key_id, str) else None
        if key is None or not _same(_signature(key, body), signature):
            raise InvalidSession("The session was not issued here, or its key is no longer in use; ask for a new one.")
        if claims.pop("version", None) != VERSION or not cls._described_by(claims):
            raise InvalidSession("The session is of another version; ask for a new one.")
        session = cls(**claims)
        if session.ref != ref:
            raise InvalidSession("The session belongs to another upload.")
        if session.expires_at <= now.timestamp():
            raise InvalidSession("The session has expired; ask for a new one with GET /uploads/{upload_id}/parts.")
        return session

    @classmethod
    def _described_by(cls, claims: dict[str, Any]) -> bool:
        kinds = cls.__annotations__
        required = kinds.keys() - cls._field_defaults  # sessions of earlier releases lack the others
        return required <= claims.keys() <= kinds.keys() and all(
            isinstance(value, kinds[name]) and not isinstance(value, bool) for name, value in claims.items()
        )


class PartRange(NamedTuple):
    """The parts that a client asks signatures for, with the session that allows them."""

    session: str
    first_part: int
    last_part: int
    checksums: Sequence[str] | None = None
    """One for each part, in their order. Required if the upload was declared with a checksum, otherwise rejected."""
    last_part_size_bytes: int | None = None
    """The length of `last_part`, if an upload of unknown size ends with it. None for the planned length."""

    @classmethod
    def parse(cls, body: object) -> Self:
        """Check a decoded JSON body; raises InvalidRequest with all errors, not only the first."""
        checks: dict[str, Check] = {
            "session": lambda value: None if isinstance(value, str) else "the session of the upload",
            "first_part": lambda value: whole_number_error(value, MAX_PARTS),
            "last_part": lambda value: whole_number_error(value, MAX_PARTS),
            "checksums": _checksums_error,
            "last_part_size_bytes": lambda value: whole_number_error(value, MAX_PART_BYTES),
        }
        return cls(**checked_fields(body, checks, required=("session", "first_part", "last_part")))

    def runs(self, session: Session) -> list[tuple[range, int]]:
        """Return the part numbers, in ranges of one length, with this length; raises InvalidRequest.

        No range is outside of the plan, and no part is longer than planned.
        """
        parts, last = session.parts, self.last_part
        if not 1 <= self.first_part <= last <= parts.count:
            asked = f"first_part is {self.first_part} and last_part is {last}"
            raise InvalidRequest([f"{asked}, but must be a range from 1 to {parts.count}, the upload's last part."])
        runs = [
            (range(max(numbers.start, self.first_part), min(numbers.stop, last + 1)), length)
            for numbers, length in parts.runs()
            if numbers.start <= last and numbers.stop > self.first_part
        ]
        if self.last_part_size_bytes is None:
            return runs
        if session.part_growth_bytes is None:
            raise InvalidRequest(["last_part_size_bytes is of no use: the upload was declared with its size."])
        numbers, length = runs.pop()
        if self.last_part_size_bytes > length:
            raise InvalidRequest(
                [f"last_part_size_bytes is {self.last_part_size_bytes}, but part {last} has {length} bytes at most."]
            )
        before = [(numbers[:-1], length)] if len(numbers) > 1 else []
        return [*runs, *before, (numbers[-1:], self.last_part_size_bytes)]

    def checksum_header(self, algorithm: str | None) -> str | None:
        """Return the header for each part's checksum, None if the upload was declared without one.

        Raises InvalidRequest if the checksums do not match the algorithm or the number of parts.
        """
        if algorithm is None:
            if self.checksums is not None:
                raise InvalidRequest(["checksums are of no use: the upload was declared without a checksum."])
            return None
        declared = ChecksumAlgorithm(algorithm)
        count = self.last_part - self.first_part + 1
        if self.checksums is None or len(self.checksums) != count:
            raise InvalidRequest(
                [f"checksums has {len(self.checksums or ())}, but must have one {declared} for each of {count} parts."]
            )
        errors = [
            f"checksums[{index}] is {shown(checksum)}, but must be {error}."
            for index, checksum in enumerate(self.checksums)
            if (error := declared.error(checksum))
        ]
        if errors:
            raise InvalidRequest(errors[:MOST_ERRORS])
        return declared.header


def _checksums_error(value: object) -> str | None:
    if isinstance(value, list) and len(cast("list[object]", value)) <= MAX_PARTS:
        return None
    return f"a list of at most {MAX_PARTS} checksums, one a part"


def _claims(body: str) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError) as error:  # clients can send anything, such as 3,000 brackets
        raise InvalidSession("The session is not a token of ours.") from error
    if not isinstance(claims, dict):
        raise InvalidSession("The session is not a token of ours.")
    return cast("dict[str, Any]", claims)


def _same(expected: str, given: str) -> bool:
    # As bytes, because compare_digest accepts only ASCII text; a lone surrogate cannot be encoded.
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def _signature(key: bytes, body: str) -> str:
    return _encoded(hmac.digest(key, body.encode(), "sha256"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
