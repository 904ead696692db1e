"""A server with scripted reactions: one for each request, in order."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

Reaction = Callable[["Handler"], None]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return {key.lower(): value for key, value in self.headers}[name.lower()]

    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # heads and bodies go out apart: each body would wait 40 ms for an acknowledgement

    @property
    def fake(self) -> "FakeServer":
        return cast("_Server", self.server).fake

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def react(self) -> None:
        self.fake.next_reaction()(self)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = react  # noqa: N815 - http.server's names

    def receive(self) -> Request:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        return self.note(body)

    def note(self, body: bytes) -> Request:
        request = Request(self.command, self.path, list(self.headers.items()), body)
        self.fake.requests.append(request)
        return request

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.fake.clock_ahead_seconds)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


class _Server(ThreadingHTTPServer):
    fake: "FakeServer"
    daemon_threads = True
    request_queue_size = 20


class FakeServer:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.clock_ahead_seconds = 0.0
        self._reactions: list[Reaction] = []
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.fake = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def will(self, *reactions: Reaction) -> None:
        self._reactions.extend(reactions)

    def next_reaction(self) -> Reaction:
        return self._reactions.pop(0) if self._reactions else answer(599, b"the test foresaw no further request")


def answer(status: int, body: object = b"", content_type: str = "application/json", **headers: str) -> Reaction:
    """Read the request, then answer; anything but bytes goes out as JSON."""

    def react(handler: Handler) -> None:
        handler.receive()
        send(handler, status, body, {"Content-Type": content_type, **headers})

    return react


def stored(status: int = 200, etag: str = '"etag"') -> Reaction:
    """Read the request, then answer as S3 does when it has stored a file."""
    return answer(status, ETag=etag, x_amz_request_id="4442587FB7D0A2F9")


def problem(status: int, title: str, detail: str) -> Reaction:
    document = {"type": "https://x/p", "title": title, "status": status, "detail": detail, "request_id": "req-1"}
    return answer(status, document, "application/problem+json")


def reset(handler: Handler) -> None:
    """Read the request, then drop the connection."""
    handler.receive()
    drop(handler)


def refuse_after(bytes_read: int, status: int, body: bytes) -> Reaction:
    """Answer while the client still sends, and close the connection with bytes unread: the client gets a reset."""

    def react(handler: Handler) -> None:
        handler.note(handler.rfile.read(bytes_read))
        send(handler, status, body, {"Content-Type": "application/xml", "Connection": "close"})
        handler.close_connection = True

    return react


def reset_after(bytes_read: int) -> Reaction:
    def react(handler: Handler) -> None:
        handler.note(handler.rfile.read(bytes_read))
        drop(handler)

    return react


def send(handler: Handler, status: int, body: object, headers: Mapping[str, str]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def drop(handler: Handler) -> None:
    """Let the client's system see a reset."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
