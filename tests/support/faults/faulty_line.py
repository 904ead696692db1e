"""A line between functions and AWS that throttles, slows, cuts and resets some requests; loopback only."""

import http.client
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.quiet_handler import QuietHandler

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for 0 seconds: closing the socket sends a reset."""


@dataclass(frozen=True)
class Line:
    """How often each error occurs, as a share of all requests."""

    throttled: float = 0
    """ProvisionedThroughputExceededException for DynamoDB; 429 or 503 for S3 and others."""
    slow: float = 0
    slow_seconds: float = 1
    reset: float = 0
    """Before the request reaches AWS, or after it did; then its answer is lost."""
    cut: float = 0
    """The answer's body ends in its middle."""


class FaultyLine:
    """Forwards requests to an endpoint. Signatures stay valid, because it leaves the Host header as it is."""

    def __init__(self, endpoint: str, line: Line, seed: int) -> None:
        self.happened: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.line = line
        place = urlsplit(endpoint)
        host, port = place.hostname or "", place.port or 80
        outer = self

        class Handler(QuietHandler):
            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.pass_on(self, http.client.HTTPConnection(host, port, timeout=60), body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815 - http.server's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, request: BaseHTTPRequestHandler, aws: http.client.HTTPConnection, body: bytes) -> None:
        """Answer one request, or break it."""
        if self._occurs("slow", self.line.slow):
            time.sleep(self.line.slow_seconds)
        if self._occurs("throttled", self.line.throttled):
            _throttle(request, self._either(429, 503))
            return
        if self._occurs("reset", self.line.reset / 2):
            _break(request)
            return
        try:
            aws.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                aws.putheader(name, value)
            aws.endheaders(body)
            answer = aws.getresponse()
            content = answer.read()
        finally:
            aws.close()
        if self._occurs("reset", self.line.reset / 2):
            _break(request)
            return
        request.send_response(answer.status)
        length = len(content) if request.command != "HEAD" else int(answer.headers.get("Content-Length") or 0)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP_BY_HOP, "content-length"}:
                request.send_header(name, value)
        request.send_header("Content-Length", str(length))
        request.end_headers()
        if request.command == "GET" and len(content) > 1 and self._occurs("cut", self.line.cut):
            request.wfile.write(content[: len(content) // 2])
            _break(request)
            return
        if request.command != "HEAD":
            request.wfile.write(content)

    def _occurs(self, fault: str, share: float) -> bool:
        with self._lock:
            occurs = share > 0 and self._random.random() < share
            self.happened[fault] += occurs
        return occurs

    def _either(self, *statuses: int) -> int:
        with self._lock:
            return self._random.choice(statuses)


def _throttle(request: BaseHTTPRequestHandler, status: int) -> None:
    is_dynamodb = request.headers.get("X-Amz-Target", "").startswith("DynamoDB")
    content = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    if is_dynamodb:
        kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        status, content = 400, json.dumps({"__type": kind, "message": "The level of throughput was exceeded."})
    request.send_response(status)
    request.send_header("Content-Type", "application/x-amz-json-1.0" if is_dynamodb else "application/xml")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content.encode())


def _break(request: BaseHTTPRequestHandler) -> None:
    request.wfile.flush()
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    request.close_connection = True
