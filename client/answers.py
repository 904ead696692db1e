"""Reads JSON from other systems, and checks its types."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

import urllib3

from client.errors import UnexpectedAnswer

_EXCERPT_CHARACTERS = 200


class Fields:
    """A JSON object. Each method returns a member of one type, and raises UnexpectedAnswer if there is none."""

    def __init__(self, content: object, source: str) -> None:
        if not isinstance(content, dict):
            raise UnexpectedAnswer(f"{source} is {str(content)[:_EXCERPT_CHARACTERS]!r} instead of a JSON object")
        self._content = cast("Mapping[str, object]", content)
        self._source = source

    def __contains__(self, name: str) -> bool:
        return self._content.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def text(self, name: str) -> str:
        """Return a string."""
        value = self._content.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self._content.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def number(self, name: str) -> int:
        """Return a whole number."""
        value = self._content.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number")
        return value

    def time(self, name: str) -> datetime:
        """Return an ISO 8601 time."""
        try:
            return datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "an ISO 8601 time") from error

    def inner(self, name: str) -> "Fields":
        """Return an object."""
        return Fields(self._content.get(name), f"{name} in {self._source}")

    def texts(self, name: str) -> dict[str, str]:
        """Return an object that has only strings."""
        inner = self.inner(name)
        return {key: inner.text(key) for key in inner}

    def inners(self, name: str) -> list["Fields"]:
        """Return a list of objects."""
        return [Fields(each, f"{name}[{index}] in {self._source}") for index, each in enumerate(self._list(name))]

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of strings")
        return tuple(cast("list[str]", values))

    def _list(self, name: str) -> list[object]:
        values = self._content.get(name)
        if not isinstance(values, list):
            raise self._wrong(name, "a list")
        return cast("list[object]", values)

    def _wrong(self, name: str, wanted: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(f"{name} in {self._source} is {_shown(self._content.get(name))} instead of {wanted}")


def _shown(value: object) -> str:
    return repr(value)[:_EXCERPT_CHARACTERS]


def json_object(answer: urllib3.BaseHTTPResponse, source: str) -> Fields:
    """Return the answer's JSON object. Raises UnexpectedAnswer with the beginning of another body."""
    try:
        content: object = json.loads(answer.data)
    except ValueError as error:
        kind = answer.headers.get("Content-Type", "no content type")
        raise UnexpectedAnswer(
            f"{source} has status {answer.status} and {kind}, not JSON: {excerpt(answer.data)!r}"
        ) from error
    return Fields(content, source)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as text."""
    return body.decode(errors="replace").strip()[:_EXCERPT_CHARACTERS]
