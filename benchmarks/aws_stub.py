"""A stub of AWS for the measured functions. Its answers are fixed and immediate."""

import json
import ssl
import threading
import zlib
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from benchmarks.quiet_handler import QuietHandler

MULTIPART_ID = "2~" + "x" * 110
"""As long as S3's."""

_OPENED = f"""<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket><Key>k</Key>\
<UploadId>{MULTIPART_ID}</UploadId></InitiateMultipartUploadResult>""".encode()


class AwsStub:
    """An empty DynamoDB that accepts every write, S3 that creates every multipart upload, and one secret.

    Runs inside a `with` block. Uses http without `tls`.
    """

    def __init__(self, secret: str, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(secret)
        if tls is not None:
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secret


class _Handler(QuietHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        """Answer with the fixed answer of the service."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        target = self.headers.get("X-Amz-Target", "")
        if target.startswith("DynamoDB"):
            answer: dict[str, Any] = {"Count": 0, "Items": []} if target.endswith(".Query") else {}
            self._send("application/x-amz-json-1.0", json.dumps(answer).encode())
        elif target == "secretsmanager.GetSecretValue":
            value = {"SecretString": cast("_Server", self.server).secret}
            self._send("application/x-amz-json-1.1", json.dumps(value).encode())
        else:
            self._send("application/xml", _OPENED)

    def _send(self, content_type: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"x-amz-crc32: {zlib.crc32(body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
