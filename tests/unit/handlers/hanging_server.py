"""An S3 that takes a request and never answers it."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class HangingServer:
    """Keeps its first caller waiting; every later one is counted and sent away at once, so that a test ends."""

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
