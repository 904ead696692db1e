"""Answers of the API and S3 to requests that the client itself would never send, and what a case requires of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import urllib3

from ..errors import PASSING, UnexpectedAnswer
from ..retry import RetryPolicy, with_retries
from ..transport import Http, excerpt, foreign, read
from .verdict import Failed, require

PATIENCE = RetryPolicy(tries=4, longest_seconds=5)
"""Requests are repeated, so that a case does not fail because the stack is throttled for a moment."""


class Problem(msgspec.Struct, frozen=True):
    """All members that RFC 9457 and the API's contract require."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of any status."""

    what: str
    """The request, for messages."""
    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    body: bytes

    def __str__(self) -> str:
        """Say what was answered. Bodies of other answers than errors can have URLs with signatures."""
        said = f" {excerpt(self.body)!r}" if self.status >= HTTPStatus.BAD_REQUEST else ""
        return f"{self.what} was answered with {self.status}{said}"

    @property
    def allowed_origin(self) -> str | None:
        """The web pages that may read the answer."""
        return self.headers.get("Access-Control-Allow-Origin")

    def require_status(self, *expected: int) -> None:
        """Raise Failed for any other status."""
        require(self.status in expected, f"{self}, but {_either(expected)} is required")

    def require_problem(self, status: int, kind: str = "") -> Problem:
        """Return the problem document (RFC 9457). Raises Failed for anything else, or a document that may be cached."""
        self.require_status(status)
        content_type = self.headers.get("Content-Type", "")
        require(content_type == "application/problem+json", f"{self} as {content_type}, not as a problem document")
        try:
            problem = read(self.body, Problem, self.what)
        except UnexpectedAnswer as error:
            raise Failed(f"{self}, which is no problem document: {error}") from error
        require(problem.status == status, f"{self}: its member status is {problem.status}")
        require(
            problem.type.startswith("urn:portage:problem:") and (not kind or problem.type.endswith(f":{kind}")),
            f"{self}: its type is not {kind or 'one of the API'}",
        )
        require(bool(problem.title and problem.detail), f"{self}, which says nothing to a reader")
        require(self.headers.get("Cache-Control") == "no-store", f"{self}, which caches may store")
        return problem

    def require_refused_by_s3(self, *expected: int) -> None:
        """Raise Failed unless S3 itself refused the request, with one of these statuses."""
        self.require_status(*expected)
        require(re.search(rb"<Code>\w+</Code>", self.body) is not None, f"{self}, which is no error of S3")


class Requests:
    """Sends requests as they are, without the client's checks. Thread-safe."""

    def __init__(self) -> None:
        self._http = Http()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self, what: str, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Return the answer. Repeats the request while the service is not available. Raises TransportFault."""
        answer: urllib3.BaseHTTPResponse | None = None

        def once() -> urllib3.BaseHTTPResponse:
            nonlocal answer
            answer = self._http.request(method, url, headers=headers, body=body)
            if answer.status in PASSING:
                raise foreign(answer, url, what)
            return answer

        try:
            last = with_retries(once, PATIENCE)
        except Exception:
            if answer is None or answer.status not in PASSING:
                raise
            last = answer
        return Answer(what, last.status, last.headers, last.data)


def _either(statuses: tuple[int, ...]) -> str:
    return " or ".join(f"{status} {HTTPStatus(status).phrase}" for status in statuses)
