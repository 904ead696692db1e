"""One HTTP/1.1 connection to one server, kept open between requests.

http.client would do, but for its import: with the e-mail parser and ssl it takes 20 ms of a cold start, on which the
functions that use this spend some 40 in all. ssl is imported here only where it is needed.
Source: RFC 9112, HTTP/1.1.
"""

import select
import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from ssl import SSLContext

NO_CONTENT = "204"
MAX_LINE_BYTES = 65_536
MAX_HEADERS = 100
"""As many as http.client takes, of lines as long."""


class BrokenAnswer(ConnectionError):
    """The server ended the connection within an answer, or did not speak HTTP/1.1 as expected."""


class Answer(NamedTuple):
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes


class KeptConnection:
    """Opened by the first request, and again by the next one after the server or a failure has closed it.

    For one thread at a time. Failures are OSErrors, timeouts among them; whether the server has acted then is not
    known.
    """

    def __init__(
        self, host: str, port: int, *, tls: bool, connect_timeout_seconds: float, read_timeout_seconds: float
    ) -> None:
        self._address = (host, port)
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        self._tls = _tls_context() if tls else None
        self._socket: socket.socket | None = None
        self._answers: BinaryIO | None = None

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and read its answer; `headers` has `Host`, the length is added."""
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        try:
            connection, answers = self._open()
            connection.sendall(head.encode("latin-1") + body)
            answer = _read_answer(answers)
        except BaseException:  # whatever it was: what is left on the line would be taken for the next answer
            self.close()
            raise
        if "close" in answer.headers.get("connection", "").lower():
            self.close()
        return answer

    def close(self) -> None:
        """Close it; the next request opens another."""
        for each in (self._answers, self._socket):
            if each is not None:
                each.close()
        self._answers = self._socket = None

    def _open(self) -> tuple[socket.socket, BinaryIO]:
        if self._socket is not None and _can_be_read(self._socket):
            self.close()  # nothing is due between two answers, so it is the server's farewell
        if self._socket is None or self._answers is None:
            self._socket = socket.create_connection(self._address, self._connect_timeout_seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self._socket = self._tls.wrap_socket(self._socket, server_hostname=self._address[0])
            self._socket.settimeout(self._read_timeout_seconds)
            self._answers = self._socket.makefile("rb")
        return self._socket, self._answers


@cache
def _tls_context() -> "SSLContext":
    """Read the machine's certificates, once: it takes 20 ms."""
    from ssl import create_default_context  # noqa: PLC0415 - see above

    return create_default_context()


def _can_be_read(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _read_answer(answers: BinaryIO) -> Answer:
    version, _, rest = _read_line(answers).partition(" ")
    status = rest[:3]
    if version != "HTTP/1.1" or not status.isdecimal():
        raise BrokenAnswer(f"an answer begins with {version!r} {rest!r}, not with HTTP/1.1 and a status")
    headers: dict[str, str] = {}
    while line := _read_line(answers):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
        if len(headers) > MAX_HEADERS:
            raise BrokenAnswer(f"an answer has more than {MAX_HEADERS} headers")
    if status == NO_CONTENT:
        return Answer(int(status), headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(int(status), headers, _read_chunks(answers))
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise BrokenAnswer(f"an answer's length is {length!r}, which is no number")
    return Answer(int(status), headers, _read_exactly(answers, int(length)))


def _read_chunks(answers: BinaryIO) -> bytes:
    body = b""
    while size := _chunk_size(_read_line(answers)):
        body += _read_exactly(answers, size)
        _read_line(answers)
    while _read_line(answers):  # trailers
        pass
    return body


def _chunk_size(line: str) -> int:
    digits = line.partition(";")[0].strip()
    if not digits or digits.strip("0123456789abcdefABCDEF"):
        raise BrokenAnswer(f"a chunk's length is {digits!r}, which is no hexadecimal number")
    return int(digits, 16)


def _read_line(answers: BinaryIO) -> str:
    line = answers.readline(MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise BrokenAnswer(f"the connection ended with {line!r}, within an answer's head" if line else "no answer came")
    return line.rstrip(b"\r\n").decode("latin-1")


def _read_exactly(answers: BinaryIO, size: int) -> bytes:
    data = answers.read(size)
    if len(data) < size:
        raise BrokenAnswer(f"the connection ended after {len(data)} of {size} bytes")
    return data
