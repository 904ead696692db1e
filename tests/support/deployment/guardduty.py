"""A stand-in for GuardDuty, which the embedded AWS does not have: it keeps the scans that are requested."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_PATH = "/object-malware-scan/send"
"""Source: GuardDuty API Reference, SendObjectMalwareScan."""


@contextmanager
def guardduty(requested: list[dict[str, Any]]) -> Generator[str]:
    """Yield the endpoint of a service that adds each requested object to `requested`; loopback only."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_right = self.path == _PATH and "/guardduty/aws4_request" in self.headers["Authorization"]
            if is_right:
                requested.append(body["s3Object"])
            self.send_response(200 if is_right else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as declared there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()
