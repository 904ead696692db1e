"""One HTTP/1.1 connection to one server, kept open between requests.

http.client is not used because its import takes 20 ms of a cold start, with the e-mail parser and ssl. ssl is imported
only for https. Loading all of the machine's certificate authorities takes 15 ms more, so a server is first verified
with the root certificates of Amazon, which AWS's services use. The machine's authorities are loaded only if that fails
(docs/decisions/0020-amazon-root-certificates.md).
Source: RFC 9112, HTTP/1.1.
"""

import logging
import os
import select
import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

if TYPE_CHECKING:
    from ssl import SSLContext

_logger = logging.getLogger(__name__)

AMAZON_ROOTS = f"{__file__.rpartition(os.sep)[0]}{os.sep}amazon_roots.pem"
"""The file is generated (components/compute/amazon_roots.py)."""

NO_CONTENT = "204"
MAX_LINE_BYTES = 65_536
MAX_HEADERS = 100
"""http.client has the same limits."""


class BrokenAnswer(ConnectionError):
    """The server closed the connection within an answer, or the answer is not valid HTTP/1.1."""


class Answer(NamedTuple):
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    """Keys are names in lower case."""
    body: bytes


class KeptConnection:
    """Opened by the first request, and again by the next request after the server or an error has closed it.

    Use it in one thread at a time. Errors are OSErrors, including timeouts; after an error it is not known whether the
    server has processed the request.
    """

    def __init__(
        self, host: str, port: int, *, tls: bool, connect_timeout_seconds: float, read_timeout_seconds: float
    ) -> None:
        self._address = (host.encode("ascii"), port)
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        self._trust = _trusted_file() if tls else None
        self._tls = _tls_context(self._trust) if tls else None
        self._socket: socket.socket | None = None
        self._answers: BinaryIO | None = None

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and read its answer; `headers` includes `Host`, the length is added."""
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
        try:
            connection, answers = self._open()
            connection.sendall(head.encode("latin-1") + body)
            answer = _read_answer(answers)
        except BaseException:  # otherwise the next request would read the rest of this answer as its own
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
            self.close()  # no data is due between two answers, so the server has closed the connection
        if self._socket is None or self._answers is None:
            self._socket = self._connect() if self._tls is None else self._connect_by_tls(self._tls)
            self._socket.settimeout(self._read_timeout_seconds)
            self._answers = self._socket.makefile("rb")
        return self._socket, self._answers

    def _connect(self) -> socket.socket:
        # Bytes, although typeshed knows only str: a str would import the IDNA codec, which takes 1 ms.
        address = cast("tuple[str, int]", self._address)
        connection = socket.create_connection(address, self._connect_timeout_seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _connect_by_tls(self, context: "SSLContext") -> socket.socket:
        from ssl import SSLCertVerificationError  # noqa: PLC0415 - see above; it is imported by now

        try:
            return context.wrap_socket(self._connect(), server_hostname=self._address[0])
        except SSLCertVerificationError as error:
            if self._trust != AMAZON_ROOTS:
                raise
            _logger.warning(
                "%s is not trusted by Amazon's root certificates (%s); trying the machine's certificate authorities.",
                self._address[0].decode(),
                error.verify_message,
            )
        self._trust, self._tls = None, _tls_context(None)
        return self._tls.wrap_socket(self._connect(), server_hostname=self._address[0])


def _trusted_file() -> str | None:
    """Return the file of the certificate authorities to trust, or None for those that OpenSSL finds.

    boto3 reads AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE; OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR.
    """
    if bundle := os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE"):
        return bundle
    return None if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") else AMAZON_ROOTS


@cache
def _tls_context(trusted_file: str | None) -> "SSLContext":
    from ssl import create_default_context  # noqa: PLC0415 - see above

    try:
        return create_default_context(cafile=trusted_file)
    except OSError as error:
        raise OSError(
            f"The trusted certificates in {trusted_file} cannot be read: {error}. See AWS_CA_BUNDLE, "
            "REQUESTS_CA_BUNDLE and SSL_CERT_FILE."
        ) from error


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
        raise BrokenAnswer(f"an answer's length is {length!r}, which is not a number")
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
        raise BrokenAnswer(f"a chunk's length is {digits!r}, which is not a hexadecimal number")
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
