"""Files of records on Step Functions: one deployment with a processor of batches."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User, eventually
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

RECORDS, BATCH = 3_000, 750
ENDED = ("completed", "failed", "rejected")


def csv_of(amounts: Sequence[object]) -> bytes:
    return "\n".join(["id,amount", *(f"{index},{amount}" for index, amount in enumerate(amounts))]).encode()


def with_bad(indexes: Sequence[int], amount: str = "unprocessable") -> list[object]:
    return [amount if index in indexes else index for index in range(RECORDS)]


LINES = "\n".join(json.dumps({"id": index, "amount": index}) for index in range(RECORDS)).encode()


@pytest.fixture(scope="module")
def system(deploy_with: DeployWith) -> System:
    return deploy_with(
        "records",
        compute="step-functions",
        stepFunctionsMapProcessor="team_processor.process_records",
        stepFunctionsMapBatchRecords=BATCH,
        stepFunctionsMapConcurrency=2,
        stepFunctionsMapToleratedFailurePercentage=25,
        processorCode=str(TEAM_CODE),
        processingMaxAttempts=2,
        processingTimeoutSeconds=60,
    )


@pytest.fixture(scope="module")
def sender(system: System) -> User:
    return system.new_user()


@pytest.fixture(scope="module", autouse=True)
def uploads(system: System, sender: User) -> dict[str, Any]:
    """Send all files first, and return how each upload ended."""
    files = {
        "good.csv": (csv_of(range(RECORDS)), "text/csv"),
        "tolerated.csv": (csv_of(with_bad([800])), "text/csv"),
        "recovers.csv": (csv_of(with_bad([800], "transient")), "text/csv"),
        "exceeded.csv": (csv_of(with_bad([0, 800])), "text/csv"),
        "good.jsonl": (LINES, "application/x-ndjson"),
        "broken.jsonl": (LINES + b"\n{", "application/x-ndjson"),
        "a.bin": (b"12345", "application/octet-stream"),
    }
    ids = {name: system.send(sender, content, name, kind) for name, (content, kind) in files.items()}
    return {name: system.await_status(sender, each, *ENDED, seconds=120) for name, each in ids.items()}


def stored(system: System, bucket: str, key: str) -> str:
    return system.emulator.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def result_of(system: System, upload: Any) -> Any:
    return json.loads(stored(system, upload["result"]["bucket"], upload["result"]["key"]))


def returned(system: System, result: Any) -> list[Any]:
    """Return what the batches returned, in the file's order."""
    lines = [line for key in result["result_keys"] for line in stored(system, result["bucket"], key).splitlines()]
    return sorted(map(json.loads, lines), key=lambda each: int(each["first"]))


@pytest.mark.parametrize("name", ["good.csv", "good.jsonl"])
def test_each_record_is_processed_once_in_a_batch(system: System, uploads: dict[str, Any], name: str) -> None:
    upload = uploads[name]
    assert upload["status"] == "completed"
    result = result_of(system, upload)
    assert {key: result[key] for key in ("records", "failed_records", "batches", "failed_batches")} == {
        "records": RECORDS,
        "failed_records": 0,
        "batches": RECORDS // BATCH,
        "failed_batches": 0,
    }
    assert result["failure_keys"] == []
    batches = returned(system, result)
    assert [each["count"] for each in batches] == [BATCH] * (RECORDS // BATCH)
    assert [int(each["first"]) for each in batches] == list(range(0, RECORDS, BATCH))
    assert sum(each["sum"] for each in batches) == sum(range(RECORDS))


def test_a_batch_that_fails_is_left_out_if_that_is_tolerated(system: System, uploads: dict[str, Any]) -> None:
    result = result_of(system, uploads["tolerated.csv"])
    assert (result["records"], result["failed_records"], result["failed_batches"]) == (RECORDS, BATCH, 1)
    assert [int(each["first"]) for each in returned(system, result)] == [0, 1500, 2250]
    (key,) = result["failure_keys"]
    failure = json.loads(stored(system, result["bucket"], key))
    assert (failure["Status"], failure["Error"]) == ("FAILED", "Unprocessable")
    assert json.loads(failure["Input"])["Items"][50] == {"id": "800", "amount": "unprocessable"}


def test_a_batch_that_fails_once_is_tried_again_alone(system: System, uploads: dict[str, Any]) -> None:
    result = result_of(system, uploads["recovers.csv"])
    assert (result["records"], result["failed_records"], result["batches"]) == (RECORDS, 0, RECORDS // BATCH)
    assert [each["attempt"] for each in returned(system, result)] == [1, 2, 1, 1]


def test_an_upload_fails_if_more_records_fail_than_are_tolerated(system: System, uploads: dict[str, Any]) -> None:
    assert uploads["exceeded.csv"]["failure"] == {
        "code": "processing-failed",
        "detail": "More batches of records failed than are tolerated.",
    }
    eventually(lambda: system.is_dead(uploads["exceeded.csv"]["upload_id"]), bool)


def test_a_redrive_processes_all_records_again(system: System, sender: User, uploads: dict[str, Any]) -> None:
    before = uploads["exceeded.csv"]
    eventually(lambda: system.is_dead(before["upload_id"]), bool)
    system.redrive(before["upload_id"])
    again = eventually(
        lambda: system.status(sender, before["upload_id"]),
        lambda seen: seen["version"] > before["version"] and seen["status"] in ENDED,
        seconds=120,
    )
    assert again["failure"] == before["failure"]


def test_a_file_that_cannot_be_read_fails(uploads: dict[str, Any]) -> None:
    failure = uploads["broken.jsonl"]["failure"]
    assert failure["code"] == "processing-failed"
    assert failure["detail"].startswith("The records could not be read.")


def test_a_file_without_records_is_refused(system: System, uploads: dict[str, Any]) -> None:
    upload = uploads["a.bin"]
    assert upload["failure"]["code"] == "unprocessable"
    assert not system.is_dead(upload["upload_id"])
