"""The use case behind the queue, with processors written where they are needed."""

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.aws.client import AwsError, NoAnswer
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.upload import Run
from handlers.processors import Job, Processor
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.objects import ObjectStore
from handlers.use_cases.job_run import RECORDING_SECONDS
from handlers.use_cases.lease import (
    CLOCK_MARGIN,
    LAST_RENEWAL_SECONDS,
    LEASE,
    RENEW_EVERY_SECONDS,
    RETRY_SECONDS,
    LeaseNotRenewed,
)
from handlers.use_cases.process_object import (
    SHORTEST_WORK_SECONDS,
    LeasedElsewhere,
    NoTimeLeft,
)
from tests.support.aws.moto_cloud import (
    EVENT_ID,
    INGEST,
    LATER,
    LATER_ISO,
    OWNER,
    PDF,
    REF,
    RESULTS,
    Cloud,
    object_created,
)
from tests.support.handlers.deliveries import (
    MAX_ATTEMPTS,
    Worker,
    at_try,
    count_bytes,
    duplicate,
    failed_try,
    never,
    no_chunks,
    no_file,
    no_report,
    raise_secret,
    refuse,
)

RENEW_EVERY = timedelta(seconds=RENEW_EVERY_SECONDS)
AgainAtTry = Callable[[Delivery, int], Delivery]


def duplicate_at_try(delivery: Delivery, attempt: int) -> Delivery:
    return at_try(duplicate(delivery), attempt)


class TestDelivery:
    def test_it_is_what_the_event_says(self) -> None:
        body = json.dumps(object_created(REF.object_key, "v7"))
        record = {
            "messageId": "message-1",
            "receiptHandle": "receipt-1",
            "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": str(int(LATER.timestamp() * 1000))},
            "body": body,
        }
        message = Message.from_lambda(record)
        run = Run(EVENT_ID, "request-1/message-1", LATER)
        assert message == Message("message-1", "receipt-1", 2, body, LATER)
        assert Delivery.of(message, "request-1") == Delivery(run, message, INGEST, REF.object_key, "v7")

    @pytest.mark.parametrize("missing", ["id", "detail"])
    def test_one_without_a_part_names_no_upload(self, missing: str) -> None:
        event = object_created(REF.object_key, "v7")
        del event[missing]
        with pytest.raises(UnknownUpload, match=missing):
            Delivery.of(Message("message-1", "receipt-1", 1, json.dumps(event), LATER), "request-1")


class TestCompleted:
    def test_the_result_is_in_its_bucket_and_the_record_says_where(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        before = cloud.record()
        assert before
        worker.process(delivery, count_bytes)
        assert cloud.result() == {"counted": 5}
        del before["open_shard"]
        assert cloud.record() == {
            **before,
            "object_version": delivery.version_id,
            "status": "completed",
            "version": 4,
            "updated_at": LATER_ISO,
            "job_id": "event-1",
            "run_id": "run-1",
            "result": {"bucket": RESULTS, "key": f"results/{OWNER}/{REF.upload_id}.json"},
        }

    def test_the_processor_is_handed_all_that_the_contract_promises(self, worker: Worker, delivery: Delivery) -> None:
        worker.process(at_try(delivery, 2), count_bytes)
        (job,) = worker.jobs
        assert replace(job, chunks=no_chunks, open=no_file, progress=no_report) == Job(
            owner=OWNER,
            upload_id=REF.upload_id,
            file_name="report.pdf",
            content_type="application/pdf",
            size_bytes=5,
            bucket=INGEST,
            key=REF.object_key,
            version_id=delivery.version_id,
            attempt=2,
            chunks=no_chunks,
            open=no_file,
            progress=no_report,
            workspace=Path(tempfile.gettempdir()),
        )

    def test_the_processor_reads_the_object_as_a_file(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        def read_end(job: Job) -> dict[str, object]:
            with job.open() as file:
                file.seek(-2, io.SEEK_END)
                return {"end": file.read().decode()}

        worker.process(delivery, read_end)
        assert cloud.result() == {"end": PDF[-2:].decode()}

    def test_the_version_that_the_event_names_is_read_though_a_later_one_exists(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        cloud.put_object(body=b"later bytes")
        worker.process(delivery, lambda job: {"read": b"".join(job.chunks()).decode()})
        assert cloud.result() == {"read": "%PDF-"}

    def test_the_bytes_can_be_read_again_from_the_start(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        worker.process(delivery, lambda job: {"first": list(job.chunks()) == list(job.chunks()) == [PDF]})
        assert cloud.result() == {"first": True}

    def test_the_upload_is_processing_while_the_processor_works(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.process(delivery, lambda _job: {"seen": cloud.status()})
        assert cloud.result() == {"seen": "processing"}

    def test_the_upload_is_completed_only_when_its_result_is_stored(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        cloud.s3.delete_bucket(Bucket=RESULTS)
        with failed_try(ClientError):
            worker.process(delivery, count_bytes)
        assert cloud.status() == "processing"

    def test_verification_loading_and_the_processor_are_isolated_together_and_nothing_else_is(
        self, worker: Worker, delivery: Delivery
    ) -> None:
        seen: list[int] = []

        def load(_declared: UploadRequest) -> Processor:
            seen.append(len(worker.isolations))
            return lambda _job: seen.append(len(worker.isolations)) or {}

        worker.process(delivery, never, load_processor=load)
        assert seen == [1, 1]
        assert worker.isolations == [300 - RECORDING_SECONDS]


class TestLease:
    @pytest.mark.parametrize(
        ("seconds_left", "until"),
        [(30, "2026-02-28T12:00:42.500Z"), (60, "2026-02-28T12:01:12.500Z"), (900, "2026-02-28T12:01:12.500Z")],
    )
    def test_it_lasts_for_a_minute_or_as_long_as_the_process_may_and_a_little_longer(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, seconds_left: float, until: str
    ) -> None:
        leases: list[object] = []
        worker.seconds_left = seconds_left
        worker.process(delivery, lambda _job: leases.append(cloud.leased_until()) or {})
        assert leases == [until]

    def test_it_is_renewed_every_20_s_while_the_work_goes_on_and_hides_the_message_as_long(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leases: list[timedelta] = []
        hidden: list[int] = []

        def hide(_queue: JobQueue, _message: Message, seconds: int) -> None:
            hidden.append(seconds)

        monkeypatch.setattr(JobQueue, "hide", hide)

        def work(_job: Job) -> Mapping[str, object]:
            for _ in range(8):
                worker.now += RENEW_EVERY / 4
                worker.while_working()
                leases.append(datetime.fromisoformat(cloud.leased_until()) - LATER - LEASE - CLOCK_MARGIN)
            return {}

        worker.seconds_left = 900
        worker.process(delivery, work)
        assert leases == [timedelta(0)] * 3 + [RENEW_EVERY] * 4 + [2 * RENEW_EVERY]
        assert hidden == [65] * 4  # at the start, twice during the work, and before the result is stored

    def test_one_that_lasts_as_long_as_the_process_is_not_renewed(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        leases: list[object] = []

        def work(_job: Job) -> Mapping[str, object]:
            worker.now += RENEW_EVERY * 2
            worker.while_working()
            leases.append(cloud.leased_until())
            return {}

        worker.seconds_left = 50
        worker.process(delivery, work)
        assert leases == ["2026-02-28T12:01:02.500Z"]

    def test_each_renewal_records_the_progress_and_the_end_removes_it(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        seen: list[dict[str, object]] = []

        def work(job: Job) -> Mapping[str, object]:
            for report in ((0.254, "one"), (0.5, ""), (1.5, "é" * 300), (float("nan"), "\ud800")):
                job.progress(*report)
                worker.now += RENEW_EVERY
                worker.while_working()
                record = cloud.record() or {}
                seen.append({name: record[name] for name in ("progress_percent", "progress_note") if name in record})
            return {}

        worker.seconds_left = 900
        worker.process(delivery, work)
        assert seen == [
            {"progress_percent": 25, "progress_note": "one"},
            {"progress_percent": 50},
            {"progress_percent": 100, "progress_note": "é" * 200},
            {"progress_percent": 0, "progress_note": "?"},
        ]
        assert not {"progress_percent", "progress_note"} & (cloud.record() or {}).keys()

    @pytest.mark.parametrize("error", [NoAnswer("no connection"), AwsError("InternalServerError", "down", 500, {})])
    def test_a_renewal_that_fails_is_tried_again_and_the_work_stops_only_at_the_end_of_the_lease(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, error: Exception
    ) -> None:
        tries: list[timedelta] = []

        def fail(*_lease: object, **_more: object) -> bool:
            tries.append(worker.now - LATER)
            raise error

        def work(_job: Job) -> Mapping[str, object]:
            worker.renewing_store.change_lease = fail
            for _ in range(int(LEASE.total_seconds())):
                worker.now += timedelta(seconds=1)
                worker.while_working()
            pytest.fail("The work must stop.")

        worker.seconds_left = 900
        with failed_try(LeaseNotRenewed):
            worker.process(delivery, work)
        assert tries[0] == RENEW_EVERY
        assert tries[1] == RENEW_EVERY + timedelta(seconds=RETRY_SECONDS)
        assert tries[-1] == LEASE
        assert cloud.results() == {}
        worker.process(at_try(delivery, 2), count_bytes)
        assert cloud.status() == "completed"

    def test_nothing_is_renewed_shortly_before_the_end_so_that_the_deadline_of_the_work_holds(
        self, worker: Worker, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        renewals: list[float] = []

        def change_lease(*_lease: object, **_run: object) -> bool:
            renewals.append(worker.seconds_left)
            return True

        monkeypatch.setattr(worker.renewing_store, "change_lease", change_lease)

        def work(_job: Job) -> Mapping[str, object]:
            for left in (LAST_RENEWAL_SECONDS, LAST_RENEWAL_SECONDS - 1):
                worker.now += RENEW_EVERY
                worker.seconds_left = left
                worker.while_working()
            return {}

        worker.seconds_left = 900
        worker.process(delivery, work)
        assert renewals == [LAST_RENEWAL_SECONDS]

    def test_work_that_has_lost_its_lease_is_stopped_at_the_next_renewal(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        def overtaken(_job: Job) -> Mapping[str, object]:
            worker.now += LEASE + CLOCK_MARGIN
            renew = worker.while_working
            worker.process(at_try(delivery, 2), count_bytes)
            renew()
            pytest.fail("The work must stop.")

        worker.seconds_left = 900
        worker.process(delivery, overtaken)
        assert cloud.status() == "completed"
        assert cloud.result() == {"counted": 5}

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
    @pytest.mark.parametrize("again", [at_try, duplicate_at_try], ids=["the same event", "another event"])
    def test_a_delivery_that_meets_another_run_waits_for_the_end_of_its_lease_and_never_fails_the_upload(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int, again: AgainAtTry
    ) -> None:
        def during(_job: Job) -> Mapping[str, object]:
            before = cloud.record()
            with pytest.raises(LeasedElsewhere) as caught:
                worker.process(again(delivery, attempt), never)
            assert caught.value.until == LATER + LEASE + CLOCK_MARGIN
            return {"unchanged": cloud.record() == before}

        worker.process(delivery, during)
        assert cloud.result() == {"unchanged": True}
        assert cloud.status() == "completed"
        worker.process(again(delivery, attempt), never)

    @pytest.mark.parametrize("again", [at_try, duplicate_at_try], ids=["the same event", "another event"])
    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_when_the_lease_of_a_run_that_was_killed_is_over_any_delivery_takes_the_upload(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int, again: AgainAtTry
    ) -> None:
        self.be_killed(worker, at_try(delivery, attempt))
        with pytest.raises(LeasedElsewhere):
            worker.process(again(delivery, 1), never)
        worker.now = LATER + LEASE + CLOCK_MARGIN
        worker.process(again(delivery, 1), count_bytes)
        assert cloud.status() == "completed"

    def be_killed(self, worker: Worker, delivery: Delivery) -> None:
        """End as a process does that is killed: nothing is recorded afterwards."""

        def kill(_job: Job) -> Mapping[str, object]:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            worker.process(delivery, kill)
        assert worker.cloud.status() == "processing"

    def test_a_run_that_has_lost_its_lease_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        ends: list[dict[str, Any] | None] = []

        def overtaken(_job: Job) -> Mapping[str, object]:
            worker.now = LATER + LEASE + CLOCK_MARGIN
            worker.process(at_try(delivery, 2), refuse)
            ends.append(cloud.record())
            raise LookupError

        with failed_try(LookupError):
            worker.process(delivery, overtaken)
        assert ends == [cloud.record()]
        assert cloud.status() == "failed"

    @pytest.mark.parametrize(("winner", "results"), [(count_bytes, [b'{"counted": 5}']), (refuse, None)])
    def test_a_run_that_has_lost_its_lease_stores_no_result(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, winner: Processor, results: list[bytes] | None
    ) -> None:
        def overtaken(_job: Job) -> Mapping[str, object]:
            worker.now = LATER + LEASE + CLOCK_MARGIN
            worker.process(at_try(delivery, 2), winner)
            return {"late": True}

        worker.process(delivery, overtaken)
        assert cloud.results().get(REF.result_key) == results

    def test_nor_does_it_while_the_other_run_works(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        until = LATER + timedelta(minutes=20)

        def overtaken(_job: Job) -> Mapping[str, object]:
            now, run = LATER + LEASE + CLOCK_MARGIN, Run("event-2", "run-of-another")
            worker.store.record_processing(REF, now, run=run, leased_until=until, version_id=delivery.version_id)
            return {"late": True}

        with pytest.raises(LeasedElsewhere) as caught:
            worker.process(delivery, overtaken)
        assert caught.value.until == until
        assert cloud.results() == {}

    def test_the_lease_is_renewed_before_the_result_is_stored(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leases: list[object] = []
        store = ObjectStore.store_result

        def look(objects: ObjectStore, key: str, result: str) -> None:
            leases.append(cloud.leased_until())
            store(objects, key, result)

        def work(_job: Job) -> Mapping[str, object]:
            worker.now = LATER + timedelta(seconds=10)
            worker.seconds_left = 300
            return {}

        worker.seconds_left = 60
        monkeypatch.setattr(ObjectStore, "store_result", look)
        worker.process(delivery, work)
        assert leases == ["2026-02-28T12:01:22.500Z"]

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_a_delivery_without_time_left_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int
    ) -> None:
        record = cloud.record()
        worker.seconds_left = RECORDING_SECONDS + SHORTEST_WORK_SECONDS - 0.1
        with pytest.raises(NoTimeLeft):
            worker.process(at_try(delivery, attempt), never)
        assert cloud.record() == record

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_time_that_ran_out_before_the_work_is_not_the_processors_failure(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = worker.store.record_processing

        def slowly(*moment: Any, **lease: Any) -> UploadRequest | None:
            worker.seconds_left = 0
            return record(*moment, **lease)

        monkeypatch.setattr(worker.store, "record_processing", slowly)
        with failed_try(NoTimeLeft):
            worker.process(at_try(delivery, attempt), never)
        monkeypatch.undo()
        assert cloud.status() == "processing"
        worker.seconds_left = 300
        worker.process(at_try(delivery, 1), count_bytes)
        assert cloud.status() == "completed"


class TestDuplicates:
    @pytest.mark.parametrize("processor", [count_bytes, refuse], ids=["completed", "failed"])
    @pytest.mark.parametrize("again", [at_try, duplicate_at_try], ids=["the same event", "another event"])
    def test_an_event_after_the_end_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, processor: Processor, again: AgainAtTry
    ) -> None:
        worker.process(delivery, processor)
        record, results = cloud.record(), cloud.results()
        worker.process(again(delivery, MAX_ATTEMPTS), never)
        assert (cloud.record(), cloud.results()) == (record, results)

    def test_an_event_of_a_later_version_changes_nothing_either(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.process(delivery, count_bytes)
        record, results = cloud.record(), cloud.results()
        worker.process(replace(duplicate(delivery), version_id=cloud.put_object(body=b"later bytes")), never)
        assert (cloud.record(), cloud.results()) == (record, results)

    @pytest.mark.parametrize("again", [at_try, duplicate_at_try], ids=["the same event", "another event"])
    def test_between_two_tries_any_delivery_may_take_the_upload(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, again: AgainAtTry
    ) -> None:
        with failed_try(LookupError):
            worker.process(delivery, raise_secret)
        worker.process(again(delivery, 2), count_bytes)
        assert cloud.status() == "completed"
