"""Sending bytes of a file over one connection.

Through `http.client`: of all the ways that were measured it took the least CPU and no memory. It also adds no header
of its own, which matters because a presigned URL signs them. The bytes pass one buffer that is used again and again.
Not by sendfile, though it takes less CPU on plain http: it sends pages of the file as they are when they leave the
machine, which may be after the last check that the file has not changed.
"""

import html
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

from client.answers import excerpt
from client.errors import ForeignAnswer, S3Refused, TransportFault, UnexpectedAnswer, reason
from client.source import SourceFile

OnSent = Callable[[int], None]
"""Told after each piece how many of the file's bytes this request has sent so far."""

SILENCE_SECONDS = 60.0

_TOLD_BYTES = 1024 * 1024
_BUFFER_BYTES = 64 * 1024  # a larger one has left the processor's cache before TLS encrypts it: a quarter more CPU
_LATE_ANSWER_SECONDS = 5.0
_ANSWER_BYTES = 64 * 1024  # S3's errors are a few hundred bytes


@dataclass(frozen=True)
class Request:
    """A piece of the file, and where it goes."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Sent exactly so; Content-Length must be one of them."""
    offset: int
    length: int
    head: bytes = b""
    """What stands before the piece in the body, where it comes in a form."""
    tail: bytes = b""
    """What stands after it there."""


@dataclass(frozen=True)
class Answer:
    """What a server said to the bytes; of the body the first 64 KiB."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class StaleConnection(TransportFault):
    """The server closed an idle keep-alive connection. Retry immediately on a new one."""


class Trust:
    """The machine's authorities, read once for all connections of an upload: each reading takes 20 to 40 ms of CPU."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """Read them, if nobody has yet."""
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context()
            return self._context


class Sender:
    """Sends pieces of one file, one after the other; each thread has its own."""

    def __init__(
        self, source: SourceFile, silence_seconds: float = SILENCE_SECONDS, trust: Trust | None = None
    ) -> None:
        self._trust = trust or Trust()
        self._silence_seconds = silence_seconds
        self._file = source.open(_BUFFER_BYTES)
        self._connection: http.client.HTTPConnection | None = None
        self._address = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file and the connection back."""
        self._hang_up()
        self._file.close()

    def interrupt(self) -> None:
        """Let what another thread sends right now fail, or what it waits for."""
        connection = self._connection
        if connection is not None and connection.sock is not None:  # pyright: ignore[reportUnnecessaryComparison] - None until it connects
            try:
                # SSLSocket's own would leave TLS first, and the other thread would go on in clear text.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            except OSError:
                return  # it is not connected any more

    def store(self, request: Request, on_sent: OnSent, expected: HTTPStatus = HTTPStatus.OK) -> str:
        """Send a piece to S3, and return its ETag; S3Refused or ForeignAnswer if S3 did not store it.

        S3 names each request that it answers and gives what it stored an ETag. Sources: Amazon S3 API reference,
        "Common response headers", "PutObject", "UploadPart", "POST Object".
        """
        answer = self.send(request, on_sent)
        etag = answer.headers.get("ETag")
        if answer.status == expected and etag and is_s3s(answer.headers):
            return etag
        try:
            raise refusal(request.url, answer.status, answer.headers, answer.body)
        except ForeignAnswer:
            self._hang_up()  # another connection may reach S3
            raise

    def send(self, request: Request, on_sent: OnSent) -> Answer:
        """Send a piece, and return the answer, whoever gave it.

        A server may refuse and close the connection before it has read everything: its answer is returned all the same.
        FileChanged, before the last piece leaves, if the file is not what it was; OSError if it cannot be read.
        """
        place = urlsplit(request.url)
        what = f"{request.method} to {place.netloc}"
        connection, is_kept = self._connected(place)
        try:
            with _named_faults(what, is_kept=is_kept):
                _send_head(connection, request, place)
            fault = self._send_body(connection, request, on_sent)
            with _named_faults(what, fault, is_kept=is_kept):
                answer, closes = _read_answer(connection)
        except BaseException:
            self._hang_up()
            raise
        if closes or fault is not None:
            self._hang_up()
        return answer

    def _connected(self, place: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
        address = f"{place.scheme}://{place.netloc}"
        if self._connection is not None and self._address == address:
            return self._connection, True
        self._hang_up()
        self._connection = _connection(place, self._silence_seconds, self._trust)
        self._address = address
        return self._connection, False

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send_body(self, connection: http.client.HTTPConnection, request: Request, on_sent: OnSent) -> OSError | None:
        """Return what broke the sending: the server's answer may lie there already, and says more.

        The last piece leaves only after everything is read and the file is found unchanged: until then S3 lacks
        bytes, and stores nothing.
        """
        sent = told = 0
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
            if is_last or sent - told >= _TOLD_BYTES:
                told = sent
                on_sent(sent)
        return None


def content_length(headers: Mapping[str, str]) -> int:
    """Return the length that the headers name; UnexpectedAnswer if they don't."""
    for name, value in headers.items():
        if name.lower() == "content-length":
            return int(value)
    raise UnexpectedAnswer(f"the headers to send name no Content-Length, only {', '.join(headers) or 'none'}")


def is_s3s(headers: Mapping[str, str] | http.client.HTTPMessage) -> bool:
    """Whether an answer came from S3, which names each request, and not from something between."""
    return bool(headers.get("x-amz-request-id"))


def refusal(
    url: str, status: int, headers: Mapping[str, str] | http.client.HTTPMessage, body: bytes
) -> S3Refused | ForeignAnswer:
    """Read why S3 refused, from its error document's two elements that matter; the document is flat."""
    text = body.decode(errors="replace")
    code, message = (
        html.unescape(found[1]) if (found := re.search(rf"<{name}>([^<]*)</{name}>", text)) else ""
        for name in ("Code", "Message")
    )
    retry_after = headers.get("Retry-After")
    asked_seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    if not code and (not is_s3s(headers) or status < HTTPStatus.MULTIPLE_CHOICES):
        return ForeignAnswer(urlsplit(url).netloc, status, excerpt(body), asked_seconds)
    return S3Refused(code, message or excerpt(body), status, asked_seconds)


def _connection(place: SplitResult, silence_seconds: float, trust: Trust) -> http.client.HTTPConnection:
    if not place.hostname or place.scheme not in {"http", "https"}:
        raise UnexpectedAnswer(f"the URL to send to is {place.geturl()!r}, not an http or https one")
    if place.scheme == "http":
        return http.client.HTTPConnection(place.hostname, place.port, timeout=silence_seconds)
    return http.client.HTTPSConnection(place.hostname, place.port, timeout=silence_seconds, context=trust.context)


@contextmanager
def _named_faults(what: str, earlier: OSError | None = None, *, is_kept: bool) -> Generator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        cause = earlier or error
        # A timeout is no sign that the server closed an idle connection, and a retry may wait as long again.
        kind = StaleConnection if is_kept and not isinstance(cause, TimeoutError) else TransportFault
        raise kind(f"{what} failed: {reason(cause)}") from cause


def _send_head(connection: http.client.HTTPConnection, request: Request, place: SplitResult) -> None:
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    connection.putrequest(request.method, target, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders(request.head or None)


def _read_answer(connection: http.client.HTTPConnection) -> tuple[Answer, bool]:
    with connection.getresponse() as response:
        answer = Answer(response.status, response.headers, response.read(_ANSWER_BYTES))
        return answer, response.will_close or not response.isclosed()
