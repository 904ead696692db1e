"""The container worker as its own process, with a queue, a table and buckets on loopback that it calls as AWS's."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from benchmarks.quiet_handler import QuietHandler
from tests.support.aws.moto_cloud import REF, REGION, object_created
from tests.support.handlers.job_variables import job_variables
from tests.support.paths import PROJECT

SECRET_KEY, SESSION_TOKEN = "the-secret-access-key-of-the-role", "the-session-token-of-the-role"
CONTENT = b"12345"
LONGEST_POLL_SECONDS = 0.2
STEP_SECONDS = 120.0
_ITEM = {
    "owner": {"S": REF.owner},
    "upload_id": {"S": REF.upload_id},
    "status": {"S": "uploaded"},
    "version": {"N": "2"},
    "method": {"S": "put"},
    "file_name": {"S": "a.bin"},
    "content_type": {"S": "application/octet-stream"},
    "size_bytes": {"N": str(len(CONTENT))},
    "created_at": {"S": "2026-02-28T12:00:00.250Z"},
    "updated_at": {"S": "2026-02-28T12:00:00.250Z"},
    "expires_at": {"S": "2026-02-28T12:15:00.250Z"},
}


class WorkerCloud(ThreadingHTTPServer):
    """Answers the worker's calls; its queue delivers each message once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.waiting: list[str] = []
        """Receipt handles of messages that are not delivered yet."""
        self.delivered: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        """Changes of visibility: receipt handle and seconds."""
        self.deleted: list[str] = []
        self.results: list[dict[str, Any]] = []
        self.leases: list[str] = []
        """The ends of leases, in the order of their writing."""
        self.protections: list[dict[str, Any]] = []
        """What ECS's agent was asked for."""
        self.signatures: list[str] = []
        self.has_errors = False
        """Whether the queue answers with an error."""
        self.polls = 0
        self.polls_held = threading.Event()
        """While it is set, a poll does not end for want of a message."""

    def receive(self, seconds: float) -> list[dict[str, Any]]:
        self.polls += 1
        ends_at = time.monotonic() + min(seconds, LONGEST_POLL_SECONDS)
        while not self.waiting and (time.monotonic() < ends_at or self.polls_held.is_set()):
            time.sleep(0.01)
        if not self.waiting:
            return []
        handle = self.waiting.pop(0)
        self.delivered.append(handle)
        return [{
            "MessageId": f"id-of-{handle}",
            "ReceiptHandle": handle,
            "Body": json.dumps(object_created(REF.object_key, "v1")),
            "Attributes": {"ApproximateReceiveCount": "1"},
        }]  # fmt: skip

    def answer(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        match operation:
            case "ReceiveMessage":
                return None if self.has_errors else {"Messages": self.receive(asked["WaitTimeSeconds"])}
            case "ChangeMessageVisibility":
                self.hidden.append((asked["ReceiptHandle"], asked["VisibilityTimeout"]))
            case "DeleteMessage":
                self.deleted.append(asked["ReceiptHandle"])
            case "UpdateItem":
                values: dict[str, dict[str, str]] = asked["ExpressionAttributeValues"]
                self.leases += [value["S"] for name, value in values.items() if name == ":leased_until"]
            case _:
                pass
        return {"Attributes": _ITEM, "Item": _ITEM}


class _Handler(QuietHandler):
    def _post(self) -> None:
        cloud, asked = cast("WorkerCloud", self.server), self._body()
        answer = cloud.answer(self.headers["X-Amz-Target"].rpartition(".")[2], json.loads(asked))
        status = 200 if answer is not None else 400
        self._send(status, json.dumps(answer or {"__type": "InvalidAddress", "message": "no"}).encode())

    def _put(self) -> None:
        body = self._body()
        cloud = cast("WorkerCloud", self.server)
        if self.path == "/agent/task-protection/v1/state":
            cloud.protections.append(json.loads(body))
        else:
            cloud.results += map(json.loads, re.findall(rb"\{.*\}", body))
        self._send(200, b"")

    def _get(self) -> None:
        self._body()
        self._send(200, CONTENT, {"x-amz-version-id": "v1", "Content-Type": "application/octet-stream"})

    do_POST, do_PUT, do_GET, do_HEAD = _post, _put, _get, _get  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        signed = self.headers.get("Authorization", "")
        cast("WorkerCloud", self.server).signatures.append(signed.rpartition("Signature=")[2])
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = bytearray()
            while size := int(self.rfile.readline(), 16):
                pieces += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class WorkerProcess:
    """The worker, from its start to its end."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> int:
        """Send SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STEP_SECONDS)

    def begin_to_stop(self) -> None:
        """Send SIGTERM, and return when the slots have received it; they do not wait for the worker to pass it on."""
        for pid in (self.process.pid, *self.slots()):
            os.kill(pid, signal.SIGTERM)
        await_that(lambda: not any(map(_is_sigterm_pending, self.slots())), "the slots receive SIGTERM")

    def slots(self) -> list[int]:
        """The process ids of its slots. Source: proc_pid_task_children(5)."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serving() -> Generator[WorkerCloud]:
    with WorkerCloud() as cloud:
        thread = threading.Thread(target=cloud.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield cloud
        finally:
            cloud.polls_held.clear()
            cloud.shutdown()
            thread.join()


@contextmanager
def working(
    cloud: WorkerCloud,
    folder: Path,
    processor: str,
    *,
    code: Path = PROJECT,
    command: Sequence[str] = (sys.executable, "-m", "handlers.entries.worker"),
    **environment: str,
) -> Generator[WorkerProcess]:
    """Run the worker with a processor of the modules in `folder`, by default with one slot."""
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(folder),
        "TMPDIR": str(folder),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        **job_variables(f"{cloud.url}/queue", max_attempts=3),
        "QUARANTINE_BUCKET": "",
        "PROCESSOR": processor,
        "LOG_LEVEL": "INFO",
        "WORKER_MEMORY_MB": "512",
        "WORKER_JOB_MEMORY_MB": "384",
        "WORKER_JOB_SECONDS": "60",
        "WORKER_STOP_SECONDS": "30",
        **environment,
    }
    log = folder / "worker.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            command,
            cwd=code,
            env=variables,
            stdout=written,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield WorkerProcess(process, log)
    finally:
        process.kill()
        process.wait()


def _is_sigterm_pending(pid: int) -> bool:
    """Source: proc_pid_status(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = int(re.findall(r"^ShdPnd:\s*(\w+)$", status, re.MULTILINE)[0], 16)
    return bool(pending >> (signal.SIGTERM - 1) & 1)


def await_that(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + STEP_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {STEP_SECONDS} s"
        time.sleep(0.02)
