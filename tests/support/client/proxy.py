"""A forward proxy on loopback, as an office network has one: it leads every host name to one server."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_PIECE_BYTES = 64 * 1024


class Proxy:
    """Tunnels after CONNECT, and forwards other requests. Keeps the head of the first request of each connection."""

    def __init__(self, server_url: str) -> None:
        place = urlsplit(server_url)
        self._server = (place.hostname or "", place.port or 80)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.heads: list[str] = []
        self.refusal = b""
        """What it answers instead of leading on."""
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._server) as server:
            received = b""
            while b"\r\n\r\n" not in received:
                piece = client.recv(_PIECE_BYTES)
                if not piece:
                    return
                received += piece
            head = received.partition(b"\r\n\r\n")[0].decode()
            self.heads.append(head)
            if self.refusal:
                client.sendall(self.refusal)
                return
            if head.startswith("CONNECT "):
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(received)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
