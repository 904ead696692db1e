"""Sends bytes of a file or of memory to S3 over one connection.

Uses `http.client`, because it needed the least CPU and no memory of all clients that were measured
(docs/benchmarks.md), and because it adds no headers, which a presigned URL would have to sign. All bytes go through one
reused buffer. sendfile would need less CPU on plain http, but it sends pages of the file as they are when they leave
the machine, which may be after the last check that the file has not changed.
"""

import html
import http.client
import re
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from urllib.parse import SplitResult, urlsplit

from ..errors import (
    ForeignAnswer,
    S3Refused,
    StaleConnection,
    TransportFault,
    WrongConfig,
    reason,
)
from ..transport import Headers, Trust, excerpt, place_of, proxy_for, retry_after, sendable, transport_error
from .source import Source

OnSent = Callable[[int], None]
"""Called after each piece with the number of the file's bytes that this request has sent."""

_REPORT_BYTES = 1024 * 1024
_BUFFER_BYTES = 64 * 1024  # larger ones do not stay in the processor's cache until TLS encrypts them: 25 % more CPU
_LATE_ANSWER_SECONDS = 5.0
_ANSWER_BYTES = 64 * 1024  # S3's errors are a few hundred bytes


@dataclass(frozen=True)
class Request:
    """A range of the file, and where to send it."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Sent exactly as they are. Content-Length is required."""
    offset: int
    length: int
    head: bytes = b""
    """The part of the body before the range (of a form)."""
    tail: bytes = b""
    """The part of the body after the range."""


@dataclass(frozen=True)
class SignedPart:
    """A part with its signed request."""

    number: int
    request: Request
    good_until: float
    """Monotonic clock."""


def is_too_old(part: SignedPart) -> bool:
    """Whether a part's signature has expired or expires soon."""
    return part.good_until <= monotonic()


@dataclass(frozen=True)
class Answer:
    """A server's answer, with the first 64 KiB of its body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Sender:
    """Sends ranges of one source, one after the other. Each thread has its own."""

    def __init__(self, source: Source, silence_seconds: float = 60.0, trust: Trust | None = None) -> None:
        self._trust = trust or Trust()
        self._silence_seconds = silence_seconds
        self._file = source.open(_BUFFER_BYTES)
        self._connection: http.client.HTTPConnection | None = None
        self._address = ""

    def close(self) -> None:
        """Close the file and the connection."""
        self._close_connection()
        self._file.close()

    def interrupt(self) -> None:
        """Make the send or receive of another thread fail."""
        connection = self._connection
        if connection is not None and connection.sock is not None:  # pyright: ignore[reportUnnecessaryComparison] - None until it connects
            try:
                # SSLSocket.shutdown would end TLS first, and the other thread would continue in clear text.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            except OSError:
                return  # not connected any more

    def store(self, request: Request, on_sent: OnSent, expected: HTTPStatus = HTTPStatus.OK) -> str:
        """Send a range to S3, and return its ETag. Raises S3Refused or ForeignAnswer if S3 did not store it.

        S3's answers have a request ID, and an ETag if it has stored something. Sources: Amazon S3 API reference,
        "Common response headers", "PutObject", "UploadPart", "POST Object".
        """
        answer = self.send(request, on_sent)
        etag = answer.headers.get("ETag")
        if answer.status == expected and etag and is_s3s(answer.headers):
            return etag
        try:
            raise refusal(request.url, answer.status, answer.headers, answer.body)
        except ForeignAnswer:
            self._close_connection()  # another connection may reach S3
            raise

    def send(self, request: Request, on_sent: OnSent) -> Answer:
        """Send a range, and return the answer, which may come from a proxy.

        Also returns an answer that the server sends before it has read everything. Raises FileChanged before the last
        bytes are sent if the file was changed, and OSError if it cannot be read.
        """
        place = place_of(request.url)
        what = f"{request.method} to {place.netloc}"
        with sendable(what):
            connection, is_kept = self._connected(place)
        try:
            with _named_errors(what, place.netloc, is_kept=is_kept), sendable(what):
                _send_head(connection, request, place)
            error = self._send_body(connection, request, on_sent)
            with _named_errors(what, place.netloc, error, is_kept=is_kept):
                answer, closes = _read_answer(connection)
        except BaseException:
            self._close_connection()
            raise
        if closes or error is not None:
            self._close_connection()
        return answer

    def _connected(self, place: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
        address = f"{place.scheme}://{place.netloc}"
        if self._connection is not None and self._address == address:
            return self._connection, True
        self._close_connection()
        self._connection = _connection(place, self._silence_seconds, self._trust)
        self._address = address
        return self._connection, False

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send_body(self, connection: http.client.HTTPConnection, request: Request, on_sent: OnSent) -> OSError | None:
        """Send the range. Returns a connection's error, because the server may have sent an answer with more details.

        Sends the last bytes only after the whole range was read and the file is unchanged. Until then S3 lacks bytes,
        and stores nothing.
        """
        sent = reported = 0
        self._file.check()
        for piece in self._file.pieces(request.offset, request.length):
            sent += len(piece)
            is_last = sent == request.length
            if is_last:
                self._file.check()
            try:
                connection.send(piece)
                if is_last and request.tail:
                    connection.send(request.tail)
            except OSError as error:
                connection.sock.settimeout(_LATE_ANSWER_SECONDS)
                return error
            if is_last or sent - reported >= _REPORT_BYTES:
                reported = sent
                on_sent(sent)
        return None


def is_s3s(headers: Headers) -> bool:
    """Whether an answer has S3's request ID, so is not from a proxy."""
    return bool(headers.get("x-amz-request-id"))


def refusal(url: str, status: int, headers: Headers, body: bytes) -> S3Refused | ForeignAnswer:
    """Read code and message from S3's error document, which is flat XML."""
    text = body.decode(errors="replace")
    code, message = (
        html.unescape(found[1]) if (found := re.search(rf"<{name}>([^<]*)</{name}>", text)) else ""
        for name in ("Code", "Message")
    )
    asked_seconds = retry_after(headers)
    if not code and (not is_s3s(headers) or status < HTTPStatus.MULTIPLE_CHOICES):
        return ForeignAnswer(urlsplit(url).netloc, status, excerpt(body), asked_seconds)
    return S3Refused(code, message or excerpt(body), status, asked_seconds)


def _connection(place: SplitResult, silence_seconds: float, trust: Trust) -> http.client.HTTPConnection:
    proxy = proxy_for(place)
    host, port = (proxy.host, proxy.port) if proxy is not None else (place.hostname or "", place.port)
    if place.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=silence_seconds)
    connection = http.client.HTTPSConnection(host, port, timeout=silence_seconds, context=trust.context)
    if proxy is not None:
        connection.set_tunnel(place.hostname or "", place.port, dict(proxy.headers))
    return connection


@contextmanager
def _named_errors(what: str, place: str, earlier: OSError | None = None, *, is_kept: bool) -> Generator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        cause = earlier or error
        named = transport_error(what, place, cause)
        if isinstance(named, WrongConfig):
            raise named from cause
        # A timeout does not mean that the server closed an idle connection, and a retry may wait as long again.
        kind = StaleConnection if is_kept and not isinstance(cause, TimeoutError) else TransportFault
        raise kind(f"{what} failed: {reason(cause)}") from cause


def _send_head(connection: http.client.HTTPConnection, request: Request, place: SplitResult) -> None:
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    proxy = proxy_for(place) if place.scheme == "http" else None
    if proxy is not None:  # it needs the whole URL (RFC 9112, 3.2.2); https goes through a tunnel instead
        target = f"http://{place.netloc}{target}"
    connection.putrequest(request.method, target, skip_host=proxy is not None, skip_accept_encoding=True)
    if proxy is not None:
        connection.putheader("Host", place.netloc)
        for name, value in proxy.headers.items():
            connection.putheader(name, value)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders(request.head or None)


def _read_answer(connection: http.client.HTTPConnection) -> tuple[Answer, bool]:
    with connection.getresponse() as response:
        answer = Answer(response.status, response.headers, response.read(_ANSWER_BYTES))
        return answer, response.will_close or not response.isclosed()
