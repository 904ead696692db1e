"""The functions of the workflow's steps, from what the state machine hands over to what it is answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from handlers.entries import clean_up_step, fetch_step, job_clients, process_step, record_step, verify_step
from handlers.processors import Unprocessable
from tests.support.aws.moto_cloud import INGEST, REF, RESULTS, Cloud, object_created, shared_client
from tests.support.handlers.job_variables import job_variables
from tests.support.handlers.queue_batches import Context

pytestmark = pytest.mark.usefixtures("own_temporary_folder")

CSV = "handlers.processors.csv_summary.process"
INSPECT = "handlers.processors.inspect.process"


def forget() -> None:
    for each in vars(job_clients).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


@pytest.fixture(autouse=True)
def started(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    rules = f'[{{"processor": "{CSV}", "content_types": ["text/csv"], "file_names": []}}]'
    for name, value in job_variables(cloud.queue_url, max_attempts=3, processors=rules).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", shared_client)
    forget()
    yield
    forget()


def payload(cloud: Cloud, body: bytes = b"%PDF-", content_type: str = "application/pdf") -> dict[str, Any]:
    version = cloud.put_object(body=body, content_type=content_type)
    sent = {"event": object_created(REF.object_key, version), "sent_at": "1772280000000"}
    return {"input": sent, "execution": "execution-1", "attempt": 1}


def test_an_upload_passes_all_steps(cloud: Cloud) -> None:
    cloud.write_record()
    given = payload(cloud)

    verified = verify_step.handle(given, Context())
    assert verified["goes_on"] is True
    assert verified["job"] == {
        "declared": {"file_name": "report.pdf", "content_type": "application/pdf", "size_bytes": 5},
        "processor": INSPECT,
    }
    process_step.handle({**given, **verified["job"], "earlier": []}, Context())
    answer = record_step.handle({**given, "processors": [INSPECT], "by_name": False}, Context())

    assert answer == {"status": "completed"}
    assert cloud.result()["sniffed_type"] == "application/pdf"


def test_with_a_workspace_the_object_is_fetched_and_deleted(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setenv("WORKSPACE_PATH", str(shared))
    cloud.write_record()
    given = payload(cloud)
    job = verify_step.handle(given, Context())["job"]

    fetch_step.handle({**given, "declared": job["declared"]}, Context())
    assert (shared / "execution-1" / "object").read_bytes() == b"%PDF-"
    process_step.handle({**given, **job, "earlier": []}, Context())
    clean_up_step.handle(given, Context())

    assert list(shared.iterdir()) == []


def test_the_rules_choose_by_what_was_declared(cloud: Cloud) -> None:
    cloud.write_record(content_type="text/csv", file_name="a.csv", size_bytes=4)
    verified = verify_step.handle(payload(cloud, b"a,b\n", "text/csv"), Context())
    assert verified["job"]["processor"] == CSV


def test_an_upload_that_is_rejected_goes_no_further(cloud: Cloud) -> None:
    cloud.write_record()
    answer = verify_step.handle(payload(cloud, b"other size"), Context())
    assert answer == {"goes_on": False, "job": None, "status": "rejected"}


def test_an_error_is_recorded(cloud: Cloud) -> None:
    cloud.write_record()
    given = payload(cloud)
    verify_step.handle(given, Context())
    error = {"Error": "StepFailed", "Cause": '{"errorMessage": "KeyError", "errorType": "StepFailed"}'}
    assert record_step.handle({**given, "error": error}, Context()) == {"status": "failed"}


def test_a_file_of_records_passes_all_steps(cloud: Cloud) -> None:
    body = b"id,amount\n1,2\n"
    cloud.write_record(content_type="text/csv", file_name="a.csv", size_bytes=len(body))
    given = payload(cloud, body, "text/csv")

    job = verify_step.handle({**given, "is_of_records": True}, Context())["job"]
    assert job == {
        "declared": {"file_name": "a.csv", "content_type": "text/csv", "size_bytes": len(body)},
        "format": "CSV",
        "object": {
            "bucket": INGEST,
            "key": REF.object_key,
            "version_id": given["input"]["event"]["detail"]["object"]["version-id"],
        },
        "results_prefix": f"results/{REF.owner}/{REF.upload_id}/execution/execution-1",
    }

    batch = {**given, "declared": job["declared"], "processor": INSPECT, "records": [{"id": "1", "amount": "2"}]}
    assert process_step.handle(batch, Context())["size_bytes"] == len(body)

    key = f"{job['results_prefix']}/manifest.json"
    cloud.s3.put_object(Bucket=RESULTS, Key=key, Body=b'{"ResultFiles": {"SUCCEEDED": [{"Key": "a", "Size": 1}]}}')
    counts = {"records": 1, "failed_records": 0, "batches": 1, "failed_batches": 0}
    answer = record_step.handle({**given, "manifest": key, "counts": counts}, Context())
    assert answer == {"status": "completed"}
    assert cloud.result() == {**counts, "bucket": RESULTS, "result_keys": ["a"], "failure_keys": []}


def test_a_file_without_records_is_unprocessable(cloud: Cloud) -> None:
    cloud.write_record()
    with pytest.raises(Unprocessable, match="neither CSV nor JSON Lines"):
        verify_step.handle({**payload(cloud), "is_of_records": True}, Context())


def test_an_error_without_a_cause_is_recorded(cloud: Cloud) -> None:
    cloud.write_record()
    given = payload(cloud)
    verify_step.handle(given, Context())

    assert record_step.handle({**given, "error": {"Error": "States.Timeout"}}, Context()) == {"status": "failed"}
    record = cloud.record()
    assert record
    assert "States.Timeout" in record["failure"]["detail"]
