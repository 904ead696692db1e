"""Reads answers of other systems, and files of this one."""

from collections.abc import Mapping
from email.message import Message
from typing import TypeVar

import msgspec

from .errors import UnexpectedAnswer

_T = TypeVar("_T")

_EXCERPT_CHARACTERS = 200


def read(content: bytes, kind: type[_T], source: str) -> _T:
    """Read JSON into a model. Raises UnexpectedAnswer if a member is missing or has another type."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnexpectedAnswer(f"{source} is not as expected: {error}") from error


def retry_after(headers: Mapping[str, str] | Message) -> float | None:
    """Return the seconds in a Retry-After header, or None."""
    value = headers.get("Retry-After")
    return float(value) if value is not None and value.isdecimal() else None


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as text."""
    return body.decode(errors="replace").strip()[:_EXCERPT_CHARACTERS]
