"""The steps of a job on Step Functions: what each leaves in the record, alone or beside another execution."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.compute.workflow import FINAL
from handlers.aws.boto3_json import Boto3Json
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.times import iso
from handlers.domain.upload import Status
from handlers.processors import Job, Processor, Unprocessable
from handlers.storage.job_queue import Delivery, Message, NoQueue
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.storage.workspace import Workspace
from handlers.use_cases.isolated_work import IsolatedWork
from handlers.use_cases.job_record import ScanFailed, ScanMissing
from handlers.use_cases.lease import CLOCK_MARGIN, Bounds, LeaseLost, Renewals
from handlers.use_cases.workflow_steps import FINAL_ERRORS, HANDOVER_SECONDS, StepFailed, WorkflowSteps
from tests.support.aws.moto_cloud import (
    INGEST,
    LATER,
    PDF,
    QUARANTINE,
    REF,
    RESULTS,
    TABLE,
    Cloud,
    object_created,
    object_scanned,
)
from tests.support.handlers.deliveries import count_bytes, raise_secret, refuse

ATTEMPTS = 3
DECLARED = UploadRequest("report.pdf", "application/pdf", len(PDF))
HANDOVER = timedelta(seconds=HANDOVER_SECONDS) + CLOCK_MARGIN


@dataclass
class Execution:
    """One execution of the workflow, with the test's own processor."""

    cloud: Cloud
    event: Mapping[str, Any]
    name: str = "execution-1"
    attempt: int = 1
    processor: Processor = count_bytes
    requires_scan: bool = False
    jobs: list[Job] = field(default_factory=list[Job])
    workspace: Workspace | None = None
    seconds_left: float = 300

    @property
    def steps(self) -> WorkflowSteps:
        def noted(job: Job) -> Mapping[str, object]:
            self.jobs.append(job)
            return self.processor(job)

        records = UploadStore(Boto3Json(self.cloud.dynamodb), TABLE)
        return WorkflowSteps(
            records=records,
            queue=NoQueue(),
            renewals=Renewals(records, NoQueue()),
            bucket=INGEST,
            results=ObjectStore(self.cloud.s3, RESULTS),
            work=IsolatedWork(
                objects=ObjectStore(self.cloud.s3, RESULTS, QUARANTINE),
                load_processor=lambda _declared: noted,
                process_unscannable=False,
                allowed_content_types=(),
            ),
            max_attempts=ATTEMPTS,
            requires_scan=self.requires_scan,
            clock=lambda: LATER,
            bounds=Bounds(lambda: self.seconds_left, seconds=lambda: 0, within=lambda call, _seconds: call()),
            isolated=in_this_process,
            workspace=self.workspace,
        )

    @property
    def delivery(self) -> Delivery:
        payload = {
            "input": {"event": self.event, "sent_at": "1772280000000"},
            "execution": self.name,
            "attempt": self.attempt,
        }
        return Delivery.of(Message.from_step(payload), "execution")

    def verify(self) -> UploadRequest | Status:
        return self.steps.verify(self.delivery)

    def fetch(self) -> None:
        self.steps.fetch(self.delivery, DECLARED)

    def process(self, name: str = "a.process", earlier: tuple[str, ...] = ()) -> None:
        self.steps.process(self.delivery, DECLARED, name, earlier)

    def record(self, *names: str, by_name: bool = False) -> Status:
        return self.steps.record(self.delivery, names or ("a.process",), by_name=by_name)


def in_this_process(work: Callable[[], str], _seconds: float, _while_working: Callable[[], None]) -> str:
    return work()


@pytest.fixture
def execution(cloud: Cloud) -> Execution:
    """An upload was declared and sent, and its event has started a workflow."""
    cloud.write_record()
    return Execution(cloud, object_created(REF.object_key, cloud.put_object()))


def record_of(cloud: Cloud) -> dict[str, Any]:
    record = cloud.record()
    assert record
    return record


class TestTheWay:
    def test_three_steps_complete_an_upload(self, cloud: Cloud, execution: Execution) -> None:
        assert execution.verify() == DECLARED
        assert cloud.status() == "processing"
        execution.process()
        assert cloud.status() == "processing"
        assert execution.record() is Status.COMPLETED
        assert cloud.status() == "completed"
        assert cloud.result() == {"counted": len(PDF)}

    def test_a_later_processor_reads_what_earlier_ones_returned(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        execution.process("first.process")
        execution.process("second.process", ("first.process",))
        assert [job.earlier for job in execution.jobs] == [{}, {"first.process": {"counted": len(PDF)}}]
        execution.record("first.process", "second.process", by_name=True)
        assert cloud.result() == {f"{each}.process": {"counted": len(PDF)} for each in ("first", "second")}

    def test_the_lease_outlasts_the_time_to_the_next_step(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        assert cloud.leased_until() == iso(LATER + HANDOVER)
        execution.process()
        assert cloud.leased_until() == iso(LATER + HANDOVER)

    @pytest.mark.parametrize(("attempt", "delay"), [(1, 5), (2, 30), (3, 0)])
    def test_the_lease_outlasts_the_time_to_the_next_try(
        self, cloud: Cloud, execution: Execution, attempt: int, delay: int
    ) -> None:
        execution.verify()
        execution.processor, execution.attempt = raise_secret, attempt
        with pytest.raises(StepFailed):
            execution.process()
        assert cloud.leased_until() == iso(LATER + timedelta(seconds=delay) + HANDOVER)

    def test_a_processor_knows_which_try_it_is(self, execution: Execution) -> None:
        execution.verify()
        execution.attempt = 2
        execution.process()
        assert [job.attempt for job in execution.jobs] == [2]

    def test_a_step_that_was_killed_after_its_work_can_run_again(self, cloud: Cloud, execution: Execution) -> None:
        for _ in range(2):
            execution.verify()
        for _ in range(2):
            execution.process()
        execution.record()
        assert execution.record() is Status.COMPLETED
        assert cloud.result() == {"counted": len(PDF)}


class TestTheWorkspace:
    @pytest.fixture
    def shared(self, execution: Execution, tmp_path: Path) -> Execution:
        execution.workspace = Workspace(tmp_path)
        execution.verify()
        return execution

    def test_the_object_is_fetched_once_and_read_there(self, cloud: Cloud, shared: Execution) -> None:
        shared.fetch()
        bucket, key, version_id = shared.delivery.version
        cloud.s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)
        shared.process()
        assert shared.record() is Status.COMPLETED
        assert cloud.result() == {"counted": len(PDF)}

    def test_a_processor_can_open_it_as_a_file(self, cloud: Cloud, shared: Execution) -> None:
        shared.fetch()

        def read_file(job: Job) -> Mapping[str, object]:
            with job.open() as file:
                return {"read": file.read().decode()}

        shared.processor = read_file
        shared.process()
        shared.record()
        assert cloud.result() == {"read": PDF.decode()}

    def test_processors_share_a_folder_that_other_executions_do_not_see(self, shared: Execution) -> None:
        def count_notes(job: Job) -> Mapping[str, object]:
            (job.workspace / f"{len(list(job.workspace.iterdir()))}").touch()
            return {}

        shared.processor = count_notes
        shared.process("first.process")
        shared.process("second.process")
        first, second = (job.workspace for job in shared.jobs)
        assert first == second
        assert {each.name for each in first.iterdir()} == {"0", "1"}
        assert shared.workspace
        assert list(shared.workspace.folder("execution-2").begin().iterdir()) == []

    def test_an_object_that_takes_too_long_is_read_from_s3(self, cloud: Cloud, shared: Execution) -> None:
        shared.seconds_left = 3
        shared.fetch()
        assert shared.workspace
        assert list(shared.workspace.root.iterdir()) == []
        shared.seconds_left = 300
        shared.process()
        shared.record()
        assert cloud.result() == {"counted": len(PDF)}

    def test_the_lease_outlasts_the_time_to_the_next_step(self, cloud: Cloud, shared: Execution) -> None:
        shared.fetch()
        assert cloud.leased_until() == iso(LATER + HANDOVER)

    def test_an_execution_that_has_lost_its_upload_fetches_nothing(self, cloud: Cloud, shared: Execution) -> None:
        cloud.write_record(
            status="processing", job_id="j", run_id="another", leased_until=iso(LATER + timedelta(hours=1))
        )
        with pytest.raises(LeaseLost):
            shared.fetch()
        assert shared.workspace
        assert list(shared.workspace.root.iterdir()) == []


class TestTheVerification:
    def test_a_rejected_object_ends_the_upload_and_is_put_away(self, cloud: Cloud) -> None:
        cloud.write_record()
        execution = Execution(cloud, object_created(REF.object_key, cloud.put_object(body=b"other size")))
        assert execution.verify() is Status.REJECTED
        assert record_of(cloud)["rejection"]["code"] == "size-mismatch"
        assert cloud.versions(QUARANTINE).keys() == {REF.object_key}

    def test_a_clean_scan_is_verified_and_processed(self, cloud: Cloud) -> None:
        cloud.write_record()
        event = object_scanned(REF.object_key, cloud.put_object(), "NO_THREATS_FOUND")
        assert Execution(cloud, event, requires_scan=True).verify() == DECLARED

    def test_malware_is_rejected(self, cloud: Cloud) -> None:
        cloud.write_record()
        event = object_scanned(REF.object_key, cloud.put_object(), "THREATS_FOUND", threats=["Eicar"])
        assert Execution(cloud, event, requires_scan=True).verify() is Status.REJECTED

    def test_without_its_scan_an_upload_waits(self, cloud: Cloud, execution: Execution) -> None:
        execution.requires_scan = True
        with pytest.raises(ScanMissing):
            execution.verify()
        assert cloud.status() == "uploaded"

    def test_a_scan_that_failed_fails_the_upload(self, cloud: Cloud) -> None:
        cloud.write_record()
        event = object_scanned(REF.object_key, cloud.put_object(), "FAILED")
        with pytest.raises(ScanFailed):
            Execution(cloud, event, requires_scan=True).verify()
        assert record_of(cloud)["failure"]["code"] == "scan-failed"

    @pytest.mark.parametrize("key", ["uploads/alone", f"uploads/{REF.owner}/of-nobody"])
    def test_an_object_that_is_no_upload_is_unknown(self, cloud: Cloud, key: str) -> None:
        with pytest.raises(UnknownUpload):
            Execution(cloud, object_created(key, "v")).verify()


class TestAnotherExecution:
    def test_finds_the_upload_taken_and_changes_nothing(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        before = cloud.record()
        assert Execution(cloud, execution.event, name="execution-2").verify() is Status.PROCESSING
        assert cloud.record() == before

    def test_finds_the_upload_completed_and_changes_nothing(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        execution.process()
        execution.record()
        before = cloud.record()
        assert Execution(cloud, execution.event, name="execution-2").verify() is Status.COMPLETED
        assert cloud.record() == before

    def test_that_has_taken_over_stops_the_first_one(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        execution.process()
        version = record_of(cloud)["object_version"]
        before = cloud.write_record(
            status="processing",
            version=4,
            object_version=version,
            job_id="j",
            run_id="another",
            leased_until=iso(LATER + timedelta(hours=1)),
        )
        with pytest.raises(LeaseLost):
            execution.process()
        assert execution.record() is Status.PROCESSING
        assert execution.steps.fail(execution.delivery, "States.Timeout", "") is Status.PROCESSING
        assert cloud.record() == before


class TestErrors:
    def test_only_the_kind_of_an_error_reaches_the_state_machine(self, execution: Execution) -> None:
        execution.verify()
        execution.processor = raise_secret
        with pytest.raises(StepFailed, match=r"^LookupError$") as caught:
            execution.process()
        assert caught.value.__suppress_context__
        assert caught.value.__cause__ is None

    def test_a_refusal_is_the_processors_own_sentence(self, cloud: Cloud, execution: Execution) -> None:
        execution.verify()
        execution.processor = refuse
        with pytest.raises(Unprocessable) as caught:
            execution.process()
        cause = json.dumps({"errorType": "Unprocessable", "errorMessage": str(caught.value)})
        assert execution.steps.fail(execution.delivery, "Unprocessable", cause) is Status.FAILED
        assert record_of(cloud)["failure"] == {"code": "unprocessable", "detail": "It is no picture."}

    @pytest.mark.parametrize(
        ("error", "cause", "kind"),
        [
            ("StepFailed", '{"errorMessage": "LookupError", "errorType": "StepFailed"}', "LookupError"),
            ("Sandbox.Timedout", '{"errorMessage": "Task timed out after 300 seconds"}', "Sandbox.Timedout"),
            ("States.Timeout", "", "States.Timeout"),
        ],
    )
    def test_the_last_error_is_recorded_by_its_kind(
        self, cloud: Cloud, execution: Execution, error: str, cause: str, kind: str
    ) -> None:
        execution.verify()
        assert execution.steps.fail(execution.delivery, error, cause) is Status.FAILED
        assert record_of(cloud)["failure"] == {
            "code": "processing-failed",
            "detail": f"Processing ended in {kind} at the last of {ATTEMPTS} tries.",
        }

    def test_the_workflow_knows_what_is_final_by_its_names(self) -> None:
        assert {each.__name__ for each in FINAL_ERRORS} == set(FINAL)


class TestTheStart:
    def test_a_message_becomes_the_input_of_an_execution_and_a_delivery_again(self, execution: Execution) -> None:
        sent_at = datetime(2026, 2, 28, 12, 0, 0, 123_000, tzinfo=UTC)
        message = Message("m", "receipt", 1, json.dumps(execution.event), sent_at)
        payload = {"input": json.loads(message.execution_input), "execution": "m", "attempt": 2}

        again = Message.from_step(payload)

        assert (again.message_id, again.receive_count, again.sent_at) == ("m", 2, sent_at)
        assert json.loads(again.body) == execution.event
