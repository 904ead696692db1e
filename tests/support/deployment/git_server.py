"""A Git server with TLS on the loopback address, from which the Pulumi CLI clones a package."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from benchmarks.certificate import Certificate

HTTPS = 443


class _Backend(BaseHTTPRequestHandler):
    """Hands each request to Git's own server, a CGI program."""

    protocol_version = "HTTP/1.1"
    root: Path

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing."""

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        answer = subprocess.run(
            ["git", "http-backend"],  # noqa: S607
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
            input=body,
            capture_output=True,
            check=True,
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def git_server(root: Path, certificate: Certificate) -> Generator[str]:
    """Serve the repositories in a folder as https://localhost, and yield that; OSError if the port cannot be had.

    Pulumi's CLI 3.274 ends in a panic where an address has a port.
    """
    handler = type("_Handler", (_Backend,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", HTTPS), handler)
    server.socket = certificate.server.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "https://localhost"
    finally:
        server.shutdown()
        server.server_close()


def publish(folder: Path, repository: Path, tag: str) -> None:
    """Make a bare repository of what is in a folder, with one commit and its tag."""
    author = ("-c", "user.name=Portage", "-c", "user.email=portage@example.com")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*author, "commit", "--quiet", "--no-verify", "--message", "Publish"),
        ("tag", tag),
        ("clone", "--quiet", "--bare", ".", str(repository)),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)  # noqa: S607
