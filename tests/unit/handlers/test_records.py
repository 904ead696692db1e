"""Each request leaves one record: CloudWatch's metric format, and nothing that anybody could use."""

import json
import subprocess
import sys
from typing import Any

import pytest

from components.api.operations import functions
from handlers.aws.metric_log import size_class
from handlers.domain.errors import QuotaExceeded
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response
from tests.support.aws.moto_cloud import REF
from tests.support.each_case import each_case
from tests.support.handlers.proxy_events import REQUEST_ID, proxy_event

FIELDS = {
    "_aws",
    "timestamp",
    "level",
    "operation",
    "status",
    "latency_ms",
    "client_errors",
    "server_errors",
    "is_cold_start",
    "request_id",
}


@pytest.fixture(autouse=True)
def _no_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "")


@api_operation("createUpload")
def take(request: ApiRequest) -> Response:
    request.log_fields["size_class"] = "under-1MB"
    return Response(201, {"url": "https://bucket.example/?X-Amz-Signature=s", "session": "token"})


@api_operation("createUpload")
def refuse(_request: ApiRequest) -> Response:
    raise QuotaExceeded("secret.pdf is too large.")


@api_operation("createUpload")
def break_down(_request: ApiRequest) -> Response:
    raise LookupError("secret.pdf is gone.")


EVENT = proxy_event({"file_name": "secret.pdf"}, headers={"Authorization": "Bearer token"}, upload_id=REF.upload_id)


def record_in(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    written = capsys.readouterr()
    assert written.err == ""
    (line,) = written.out.splitlines()
    for secret in ("secret.pdf", "Bearer", "token", "https:", "Signature"):
        assert secret not in line
    return json.loads(line)


class TestOneRecordARequest:
    def test_of_what_was_answered(self, capsys: pytest.CaptureFixture[str]) -> None:
        take(EVENT, None)
        record = record_in(capsys)
        assert record.keys() == FIELDS | {"size_class"}
        assert (record["operation"], record["status"], record["request_id"]) == ("createUpload", 201, REQUEST_ID)
        assert (record["client_errors"], record["server_errors"]) == (0, 0)
        assert 0 <= record["latency_ms"] < 10_000

    def test_of_what_was_refused_with_the_problems_kind(self, capsys: pytest.CaptureFixture[str]) -> None:
        refuse(EVENT, None)
        record = record_in(capsys)
        assert record.keys() == FIELDS | {"problem"}
        assert (record["status"], record["problem"]) == (403, "quota-exceeded")
        assert (record["client_errors"], record["server_errors"]) == (1, 0)

    def test_of_what_failed_with_the_errors_type_and_the_error_goes_on(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(LookupError):
            break_down(EVENT, None)
        record = record_in(capsys)
        assert record.keys() == FIELDS | {"error"}
        assert (record["status"], record["error"]) == (500, "LookupError")
        assert (record["client_errors"], record["server_errors"]) == (0, 1)


class TestCloudWatch:
    def test_finds_the_metrics_by_their_names_in_the_same_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        take(EVENT, None)
        record = record_in(capsys)
        metadata = record["_aws"]
        (directive,) = metadata["CloudWatchMetrics"]
        assert metadata.keys() == {"Timestamp", "CloudWatchMetrics"}
        assert isinstance(metadata["Timestamp"], int)
        assert (directive["Namespace"], directive["Dimensions"]) == ("Portage", [["operation"]])
        assert isinstance(record["operation"], str)
        units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert units == {"latency_ms": "Milliseconds", "client_errors": "Count", "server_errors": "Count"}
        assert all(isinstance(record[name], int | float) for name in units)

    @each_case("level", ["DEBUG", "WARN", "FATAL"])
    def test_never_drops_a_record_for_its_level(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str
    ) -> None:
        monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
        take(EVENT, None)
        assert record_in(capsys)["level"] == level

    @each_case(("operation", "entry"), [(name, function.entry) for name, (_, function) in functions().items()])
    def test_counts_each_operation_under_its_own_name(self, operation: str, entry: str) -> None:
        """Each entry in a process of its own, without its settings: the record is written all the same."""
        event = proxy_event("", upload_id=REF.upload_id)
        script = (
            "import json, sys\n"
            f"from {entry.removesuffix('.handle')} import handle\n"
            "try:\n    handle(json.load(sys.stdin), None)\nexcept (KeyError, ValueError):\n    pass\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(event),
            env={"ALLOWED_ORIGINS": "", "AWS_REGION": "mars-north-1", "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        record = json.loads(done.stdout)
        assert (record["operation"], record["is_cold_start"]) == (operation, True)


@each_case(
    ("size_bytes", "named"),
    [
        (1, "under-1MB"),
        (999_999, "under-1MB"),
        (1_000_000, "1MB-10MB"),
        (5 * 10**8, "100MB-1GB"),
        (10**11 - 1, "10GB-100GB"),
        (10**11, "from-100GB"),
        (5 * 10**13, "from-100GB"),
    ],
)
def test_a_size_is_told_as_its_class(size_bytes: int, named: str) -> None:
    assert size_class(size_bytes) == named
