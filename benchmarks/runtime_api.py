"""Runs a Python function as Lambda does: the runtime API, and a process for the function.

Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from benchmarks.quiet_handler import QuietHandler

_RESPONSE_SECONDS = 30.0
_DEADLINE_MILLISECONDS = 60_000
_ACCEPTED = 202


class FunctionFailed(RuntimeError):
    """The function returned no response. The message has its output."""


class Response(NamedTuple):
    """What the function returned, and when."""

    body: Any
    at: float
    """Clock: time.perf_counter."""


class LambdaProcess:
    """Runs a function in a process, under AWS's own runtime interface client, inside a `with` block."""

    def __init__(self, code: Path, runtime: Path, handler: str, environment: Mapping[str, str]) -> None:
        self._code = code
        self._runtime = runtime
        self._handler = handler
        self._environment = environment
        self._server = _Server()

    def __enter__(self) -> Self:
        self._server.start()
        self._output = tempfile.TemporaryFile()
        self.started_at = time.perf_counter()
        # -S, because Lambda has no virtual environment with .pth files.
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", "awslambdaric", self._handler],
            cwd=self._code,
            env={
                **self._environment,
                "PATH": os.defpath,
                "PYTHONPATH": str(self._runtime),
                "AWS_LAMBDA_RUNTIME_API": self._server.address,
                "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
                "AWS_LAMBDA_LOG_FORMAT": "JSON",
            },
            stdout=self._output,
            stderr=self._output,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._server.stop()
        self._output.close()

    def invoke(self, event: Mapping[str, Any]) -> Response:
        """Send an event, and return the response. Raises FunctionFailed if there is none."""
        self._server.events.put(json.dumps(event).encode())
        deadline = time.monotonic() + _RESPONSE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                what, body, at = self._server.answers.get(timeout=0.5)
            except queue.Empty:
                continue
            if what == "response":
                return Response(json.loads(body), at)
            break
        raise FunctionFailed(f"{self._handler} gave no response: {self.output()}")

    def output(self) -> str:
        """Return the output of the function so far."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.events: queue.Queue[bytes | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.events.put(None)
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(QuietHandler):
    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer .../invocation/next when there is an event."""
        event = cast("_Server", self.server).events.get()
        if event is None:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + _DEADLINE_MILLISECONDS))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:x")
        self._end(event)

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        """Receive .../response or .../error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        at = time.perf_counter()
        self.send_response(_ACCEPTED)
        self._end(b"")
        cast("_Server", self.server).answers.put((self.path.rpartition("/")[2], body, at))

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
