"""The steps of a workflow that processes records: what a batch returns, its lease, and the result of all batches."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from handlers.domain.record_formats import RecordFormat, record_format
from handlers.domain.times import iso
from handlers.domain.upload import Status
from handlers.processors import MAX_BATCH_RESULT_BYTES, Job, Unprocessable
from handlers.use_cases.record_batches import SPARE, Counts, HeldLeases
from handlers.use_cases.workflow_steps import HANDOVER_SECONDS, MAP_SECONDS, StepFailed
from tests.support.aws.moto_cloud import LATER, REF, RESULTS, Cloud, object_created
from tests.unit.handlers.test_workflow_steps import ATTEMPTS, DECLARED, Execution, record_of

BODY = b"id,amount\n1,2\n"
RECORDS = [{"id": "1", "amount": "2"}, {"id": "2", "amount": "3"}]
COUNTS: Counts = {"records": 2, "failed_records": 1, "batches": 2, "failed_batches": 1}
"""As CountRecords counts them."""

WORKING = timedelta(seconds=300 + HANDOVER_SECONDS)
"""How long a batch of Execution's may take."""


@pytest.mark.parametrize(
    ("content_type", "file_name", "expected"),
    [
        ("text/csv", "a", RecordFormat.CSV),
        ("Text/CSV; charset=utf-8", "a.txt", RecordFormat.CSV),
        ("application/x-ndjson", "a", RecordFormat.JSON_LINES),
        ("application/vnd.ms-excel", "Sheet.CSV", RecordFormat.CSV),
        ("application/octet-stream", "a.jsonl", RecordFormat.JSON_LINES),
        ("application/json", "a.json", None),
        ("text/plain", "csv", None),
        ("text/plain", "a.csv.gz", None),
    ],
)
def test_a_file_is_of_records_by_its_type_or_else_by_its_name(
    content_type: str, file_name: str, expected: RecordFormat | None
) -> None:
    assert record_format(content_type, file_name) == expected


def add_up(job: Job) -> Mapping[str, object]:
    return {"sum": sum(int(each["amount"]) for each in job.records)}


@pytest.fixture
def execution(cloud: Cloud) -> Execution:
    cloud.write_record()
    execution = Execution(cloud, object_created(REF.object_key, cloud.put_object()), processor=add_up)
    execution.verify()
    return execution


def batch(execution: Execution, held: HeldLeases | None = None) -> Any:
    steps = execution.steps
    if held:
        object.__setattr__(steps, "held_leases", held)
    return steps.process_batch(execution.delivery, DECLARED, RECORDS)


class TestABatch:
    def test_is_the_job_of_a_processor(self, execution: Execution) -> None:
        assert batch(execution) == {"sum": 5}
        (job,) = execution.jobs
        assert (job.records, job.upload_id, job.attempt) == (RECORDS, REF.upload_id, 1)
        job.progress(0.5)  # is accepted, and not recorded
        assert execution.cloud.status() == "processing"

    def test_that_fails_gives_the_kind_of_its_error_alone(self, execution: Execution) -> None:
        def fail(_job: Job) -> Mapping[str, object]:
            raise LookupError("a secret of the processor")

        execution.processor = fail
        with pytest.raises(StepFailed, match=r"^LookupError$") as caught:
            batch(execution)
        assert caught.value.__suppress_context__

    def test_that_is_refused_says_why(self, execution: Execution) -> None:
        def refuse(_job: Job) -> Mapping[str, object]:
            raise Unprocessable("An amount is no number.")

        execution.processor = refuse
        with pytest.raises(Unprocessable, match="An amount is no number"):
            batch(execution)

    def test_returns_no_more_than_a_state_holds(self, execution: Execution) -> None:
        execution.processor = lambda _job: {"a": "x" * MAX_BATCH_RESULT_BYTES}
        with pytest.raises(StepFailed, match=r"^ValueError$"):
            batch(execution)

    def test_does_nothing_if_another_execution_has_the_upload(self, cloud: Cloud, execution: Execution) -> None:
        before = cloud.write_record(
            status="processing", version=4, job_id="j", run_id="another", leased_until=iso(LATER + timedelta(hours=1))
        )
        assert batch(execution) is None
        assert execution.jobs == []
        assert cloud.record() == before


class TestTheLease:
    def test_lasts_from_the_verification_to_the_first_batch(self, cloud: Cloud) -> None:
        cloud.write_record(content_type="text/csv", size_bytes=len(BODY))
        version = cloud.put_object(body=BODY, content_type="text/csv")
        execution = Execution(cloud, object_created(REF.object_key, version))
        execution.steps.verify(execution.delivery, is_of_records=True)
        assert (cloud.leased_until() or "") >= iso(LATER + timedelta(seconds=MAP_SECONDS))

    def test_lasts_for_a_batch_and_some_time_more(self, cloud: Cloud, execution: Execution) -> None:
        batch(execution)
        assert cloud.leased_until() == iso(LATER + WORKING + SPARE)

    def test_is_never_shortened_by_another_batch(self, cloud: Cloud, execution: Execution) -> None:
        until = iso(LATER + timedelta(hours=1))
        run_id = execution.delivery.run.run_id
        execution.steps.records.extend_lease(REF, LATER + timedelta(hours=1), run_id=run_id)
        assert batch(execution) == {"sum": 5}
        assert cloud.leased_until() == until

    def test_is_extended_once_by_a_process_for_several_batches(self, cloud: Cloud, execution: Execution) -> None:
        held = HeldLeases()
        batch(execution, held)
        record_of(cloud)
        cloud.write_record(status="processing", version=4, run_id="another")
        assert batch(execution, held) == {"sum": 5}

    def test_lasts_until_the_next_try_of_a_batch(self, cloud: Cloud, execution: Execution) -> None:
        execution.processor, execution.attempt = (lambda _job: {"a": object()}), ATTEMPTS - 1
        with pytest.raises(StepFailed):
            batch(execution)
        assert (cloud.leased_until() or "") >= iso(LATER + timedelta(seconds=30 + HANDOVER_SECONDS))


MANIFEST = {
    "DestinationBucket": RESULTS,
    "MapRunArn": "arn",
    "ResultFiles": {
        "SUCCEEDED": [{"Key": "results/o/u/SUCCEEDED_0.jsonl", "Size": 9}],
        "FAILED": [{"Key": "results/o/u/FAILED_0.jsonl", "Size": 9}],
        "PENDING": [],
    },
}


def stored_manifest(cloud: Cloud) -> str:
    cloud.s3.put_object(Bucket=RESULTS, Key="results/o/u/manifest.json", Body=json.dumps(MANIFEST).encode())
    return "results/o/u/manifest.json"


class TestTheResult:
    def test_has_the_counts_and_where_the_batches_results_are(self, cloud: Cloud, execution: Execution) -> None:
        key = stored_manifest(cloud)
        assert execution.steps.gather(execution.delivery, key, COUNTS) is Status.COMPLETED
        assert cloud.result() == {
            **COUNTS,
            "bucket": RESULTS,
            "result_keys": ["results/o/u/SUCCEEDED_0.jsonl"],
            "failure_keys": ["results/o/u/FAILED_0.jsonl"],
        }

    def test_without_its_manifest_the_step_fails_and_can_be_tried_again(
        self, cloud: Cloud, execution: Execution
    ) -> None:
        with pytest.raises(StepFailed):
            execution.steps.gather(execution.delivery, "results/o/u/manifest.json", COUNTS)
        key = stored_manifest(cloud)
        assert execution.steps.gather(execution.delivery, key, COUNTS) is Status.COMPLETED

    @pytest.mark.parametrize(
        ("error", "beginning"),
        [
            ("States.ExceedToleratedFailureThreshold", "More batches of records failed"),
            ("States.ItemReaderFailed", "The records could not be read."),
        ],
    )
    def test_an_error_of_the_map_is_a_sentence(
        self, cloud: Cloud, execution: Execution, error: str, beginning: str
    ) -> None:
        assert execution.steps.fail(execution.delivery, error, "") is Status.FAILED
        failure = record_of(cloud)["failure"]
        assert failure["code"] == "processing-failed"
        assert failure["detail"].startswith(beginning)
