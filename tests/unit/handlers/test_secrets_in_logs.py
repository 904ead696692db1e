"""At DEBUG, no function writes a secret into its log: each as it is deployed, under Lambda's own runtime client."""

import base64
import contextlib
import json
import re
import sysconfig
import threading
from collections.abc import Generator, Iterable
from functools import cache
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pulumi_aws as aws
import pytest

from benchmarks.quiet_handler import QuietHandler
from benchmarks.runtime_api import FunctionFailed, LambdaProcess
from handlers.domain.session import Session
from tests.support.aws.fake_light_clients import KEY
from tests.support.aws.moto_cloud import REF, object_created
from tests.support.components.examples import PROCESSING_PIPELINE, UPLOAD_API
from tests.support.components.recording import record
from tests.support.handlers.proxy_events import proxy_event
from tests.support.paths import PROJECT

pytest.importorskip("awslambdaric")

ENTRIES = sorted(
    f"handlers.entries.{path.stem}.handle"
    for path in (PROJECT / "handlers" / "entries").glob("*.py")
    if re.search(r"^def handle\(", path.read_text(), re.MULTILINE)
)
SESSION_TOKEN, SECRET_KEY = "the-session-token-of-the-role", "the-secret-access-key-of-the-role"
ITEM: dict[str, Any] = {
    "owner": {"S": REF.owner},
    "upload_id": {"S": REF.upload_id},
    "status": {"S": "pending"},
    "version": {"N": "1"},
    "method": {"S": "multipart"},
    "multipart_id": {"S": "m"},
    "part_size_bytes": {"N": "10"},
    "file_name": {"S": "a.pdf"},
    "content_type": {"S": "application/pdf"},
    "size_bytes": {"N": "23"},
    "created_at": {"S": "2026-02-28T12:00:00.250Z"},
    "updated_at": {"S": "2026-02-28T12:00:00.250Z"},
    "expires_at": {"S": "2026-02-28T12:15:00.250Z"},
    "result": {"M": {"bucket": {"S": "results"}, "key": {"S": "key"}}},
}
FAR_FUTURE = 2**33


class Aws(ThreadingHTTPServer):
    """Answers all calls of a function, and records the secrets in them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.signatures: list[str] = []
        self.made: list[str] = []
        self.item = ITEM


class _Handler(QuietHandler):
    def _answer(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        aws_, target = cast("Aws", self.server), self.headers.get("X-Amz-Target", "")
        aws_.signatures.append(self.headers["Authorization"].rpartition("Signature=")[2])
        service, _, operation = target.partition(".")
        status = 200
        answer: dict[str, Any] = {}
        if service.startswith("DynamoDB"):
            answer = {"Item": aws_.item, "Attributes": aws_.item, "Count": 0, "Items": []}
        elif operation == "GetSecretValue" and b"new-version" in asked and not aws_.made:
            status, answer = 400, {"__type": "ResourceNotFoundException", "message": "no value"}
        elif operation == "GetSecretValue":
            answer = {"SecretString": aws_.made[0] if aws_.made else KEY.to_secret()}
        elif operation == "PutSecretValue":
            aws_.made.append(json.loads(asked)["SecretString"])
        elif operation == "DescribeSecret":
            answer = {"VersionIdsToStages": {"new-version": ["AWSPENDING"]}}
        elif not target:
            self._send(200, "application/xml", b"<R><UploadId>m</UploadId><IsTruncated>false</IsTruncated></R>")
            return
        self._send(status, "application/x-amz-json-1.1", json.dumps(answer).encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def server() -> Generator[Aws]:
    with Aws() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


WORKFLOW = {"compute": "step-functions", "workspace": "efs"}


@cache
def deployed() -> dict[str, dict[str, str]]:
    """The functions' environments by their handlers, as the components deploy them."""
    functions = [
        each.inputs
        for example in (UPLOAD_API, PROCESSING_PIPELINE)
        for compute in ({}, WORKFLOW if example is PROCESSING_PIPELINE else {})
        for each in record(
            lambda example=example, compute=compute: example.make(log_level="DEBUG", **compute) and None
        ).all(aws.lambda_.Function)
    ]
    return {each["handler"]: dict(each["environment"]["variables"]) for each in functions}


def session() -> str:
    claims = Session(REF.owner, REF.upload_id, "m", 23, 10, None, FAR_FUTURE)
    return claims.token(KEY.key_id, KEY.key)


def events(handler: str, environment: dict[str, str]) -> Iterable[dict[str, Any]]:
    match handler.split(".")[2]:
        case "rotate_session_key":
            rotation = {"SecretId": environment["SESSION_KEY_SECRET"], "ClientRequestToken": "new-version"}
            yield {**rotation, "Step": "createSecret"}
            yield {**rotation, "Step": "testSecret"}
        case "verify_step" | "fetch_step" | "process_step" | "record_step":
            event = object_created(REF.object_key, "v1")
            event["detail"]["bucket"]["name"] = environment["INGEST_BUCKET"]
            payload = {"input": {"event": event, "sent_at": "1795650000000"}, "execution": "e", "attempt": 1}
            declared = {"file_name": "a.pdf", "content_type": "application/pdf", "size_bytes": 23}
            processor = environment["PROCESSOR"]
            yield {
                **payload,
                "declared": declared,
                "processor": processor,
                "earlier": [],
                "processors": [processor],
            } | {"by_name": False}
        case "process_object" | "start_workflow" | "group_arrivals":
            message = {
                "messageId": "m",
                "receiptHandle": "r",
                "body": json.dumps(object_created(REF.object_key, "v1")),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795650000000"},
            }
            yield {"Records": [message]}
        case "sign_parts":
            yield proxy_event({"session": session(), "first_part": 1, "last_part": 3}, upload_id=REF.upload_id)
        case "create_upload":
            declared = {"file_name": "a.pdf", "content_type": "application/pdf", "size_bytes": 23}
            for method in ("put", "post", "multipart"):
                yield proxy_event({**declared, "method": method})
        case _:
            yield proxy_event("", upload_id=REF.upload_id)


def test_every_entry_is_deployed() -> None:
    assert deployed().keys() == set(ENTRIES)


@pytest.mark.parametrize("handler", [each for each in ENTRIES if each != "handlers.entries.clean_up_step.handle"])
def test_a_request_at_debug_leaves_no_secret_in_the_log(handler: str, server: Aws, tmp_path: Path) -> None:
    """The step that cleans up is left out, because it calls nothing of AWS."""
    variables = {name: str(value) for name, value in deployed()[handler].items()}
    environment = {
        **variables,
        "WORKSPACE_PATH": str(tmp_path),
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    }
    if "start_workflow" in handler:  # it waits until the workflow has ended
        server.item = {**ITEM, "status": {"S": "completed"}}
    answers: list[str] = []
    with LambdaProcess(PROJECT, Path(sysconfig.get_path("purelib")), handler, environment) as process:
        for event in events(handler, variables):
            with contextlib.suppress(FunctionFailed):  # for want of a real AWS, but not before it has asked
                answers.append(json.dumps(process.invoke(event).body))
        written = process.output()
    assert server.signatures
    assert written
    secrets = {SESSION_TOKEN, SECRET_KEY, KEY.to_secret(), base64.b64encode(KEY.key).decode(), *server.made}
    secrets |= {str(KEY.key), session(), "Authorization", *server.signatures}
    for answer in answers:
        secrets |= set(re.findall(r"[0-9a-f]{64}", answer))
        secrets |= set(re.findall(r'\\"session\\": \\"([^"\\]+)', answer))
    assert [secret for secret in secrets if secret in written] == []
