"""AWS endpoints on loopback that answer each request as a test scripts it, or never answer."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, BinaryIO

Step = Callable[["Caller"], bool]
"""Answers one request, and returns whether the connection stays open."""


@dataclass(frozen=True)
class Request:
    """One request as it came over the line."""

    connection: int
    """Counted from 1, in the order of their opening."""
    head: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Caller:
    """A connection, and the server it came to."""

    server: "ScriptedServer"
    line: socket.socket

    def send(self, data: bytes) -> None:
        self.line.sendall(data)

    def reset(self) -> None:
        """Close at once, so that the other side sees a reset, not an end."""
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.line.close()


@dataclass
class ScriptedServer:
    """Runs its steps in turn, on all connections. Closes connections after the last step."""

    steps: list[Step]
    requests: list[Request] = field(default_factory=list[Request])
    connections: int = 0
    farewells: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released whenever the server has closed a connection."""
    line: socket.socket | None = None
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def __post_init__(self) -> None:
        self.port: int = self.listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                line, _address = self.listener.accept()
            except OSError:  # shut down: the test is over
                return
            self.connections += 1
            self.line = line
            with line, line.makefile("rb") as arriving:
                self._serve_one(line, arriving)
            self.farewells.release()

    def _serve_one(self, line: socket.socket, arriving: BinaryIO) -> None:
        while request := self._read(arriving):
            self.requests.append(request)
            if not self.steps or not self.steps.pop(0)(Caller(self, line)):
                return

    def _read(self, arriving: BinaryIO) -> Request | None:
        try:
            head = arriving.readline().decode().strip()
            if not head:
                return None
            headers: dict[str, str] = {}
            while field_line := arriving.readline().decode().strip():
                name, _, value = field_line.partition(": ")
                headers[name] = value
            return Request(self.connections, head, headers, arriving.read(int(headers.get("Content-Length", "0"))))
        except OSError:  # the client has gone, or the test is over
            return None


@contextmanager
def scripted_server(*steps: Step) -> Generator[ScriptedServer]:
    server = ScriptedServer(list(steps))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):  # it is closed already
            if server.line is not None:
                server.line.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.listener.close()


def answer(body: Any = None, *, status: int = 200, headers: Iterable[tuple[str, str]] = (), keep: bool = True) -> Step:
    """Answer in JSON, or in the bytes that were given."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    lines = [
        f"HTTP/1.1 {status} Status",
        f"Content-Length: {len(data)}",
        *(f"{name}: {text}" for name, text in headers),
    ]
    return raw("\r\n".join([*lines, "", ""]).encode() + data, keep=keep)


def error(code: str, message: str = "Because.", *, status: int = 400, date: float | None = None) -> Step:
    """Refuse as AWS's JSON protocols do."""
    headers = [] if date is None else [("Date", formatdate(date, usegmt=True))]
    return answer({"__type": f"com.amazonaws.example#{code}", "message": message}, status=status, headers=headers)


def raw(data: bytes, *, keep: bool = False) -> Step:
    """Send exactly these bytes."""

    def step(caller: Caller) -> bool:
        caller.send(data)
        return keep

    return step


def reset(caller: Caller) -> bool:
    """Break the connection off instead of answering."""
    caller.reset()
    return False


def silence(caller: Caller) -> bool:
    """Keep the client waiting until it goes, or the test ends."""
    caller.line.recv(1)
    return False


@dataclass
class HangingServer:
    """Never answers its first caller. Closes every later connection at once, so that a test ends."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    callers: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                caller, _address = self.listener.accept()
            except OSError:  # shut down: the test is over
                return
            self.callers.append(caller)
            if len(self.callers) > 1:
                caller.close()


@contextmanager
def hanging_server() -> Generator[HangingServer]:
    server = HangingServer()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.listener.close()
        for caller in server.callers:
            caller.close()
