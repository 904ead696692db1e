"""Every upload that is open for long comes to its end, and no run does twice what another one has done."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.aws.presign import Bucket
from handlers.domain.delays import Waits
from handlers.domain.times import iso
from handlers.domain.upload import MESSAGE_LIFETIME, Upload
from handlers.domain.upload_ref import OPEN_SHARDS, UploadRef
from handlers.entries import reconcile_uploads as entry
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.malware_scans import MalwareScans
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.objects import UploadedObjects
from handlers.storage.open_uploads import OpenUploads, Position
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.reconcile_uploads import Outcome, ReconcileUploads
from tests.support.aws.fake_light_clients import LightS3
from tests.support.aws.moto_cloud import INGEST, LATER, OWNER, REF, TABLE, Cloud, dynamodb_client, shared_client
from tests.support.handlers.deliveries import Worker, count_bytes
from tests.support.handlers.multipart_upload import UploadInParts
from tests.support.handlers.queue_batches import Context

WAITS = Waits.of(visibility_timeout_seconds=900, max_attempts=3, job_seconds=300)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
OVERDUE = WAITS.grace + timedelta(minutes=1)
"""The minute is for what a slow machine takes from the test's begin to an object."""
REFS = [UploadRef(OWNER, f"01985c2e-5a00-7000-8000-0000000000{n:02}") for n in range(20)]


ONE_SHARD = [
    ref for n in range(100) if (ref := UploadRef(OWNER, f"01985c2e-5a00-7000-8000-0000000001{n:02}")).open_shard == "3"
]


class OnePageEach(Boto3Json):
    """DynamoDB with pages of one item."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return super().call(operation, {**parameters, "Limit": 1} if operation == "Query" else parameters)


class NoQueue(JobQueue):
    """A queue that takes no message."""

    def send(self, body: str, owner: str) -> None:
        raise EndpointConnectionError(endpoint_url=f"https://sqs/{len(body)}/{owner}")


class Throttled:
    """A service that throttles each call."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise AwsError("ThrottlingException", f"{operation} {len(parameters)}", 429, {})


class Interrupted(UploadStore):
    """Records that change between a look and what follows from it."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(Boto3Json(dynamodb_client()), TABLE)
        self._meanwhile = [meanwhile]

    def find(self, ref: UploadRef) -> Upload:
        found = super().find(ref)
        while self._meanwhile:
            self._meanwhile.pop()()
        return found


@dataclass
class Schedule:
    """Runs the use case at a time after the test's begin, which is when objects are created."""

    cloud: Cloud
    store: UploadStore
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    scans: MalwareScans | None = None
    queue: JobQueue | None = None
    concurrency_limit: int = 1
    seconds_left: Callable[[], float] = lambda: 300

    def run(self, after: timedelta, *, records: UploadStore | None = None) -> Counter[Outcome]:
        return ReconcileUploads(
            open_uploads=OpenUploads(OnePageEach(self.cloud.dynamodb), TABLE),
            records=records or self.store,
            objects=UploadedObjects(self.cloud.s3, INGEST),
            multipart_start=MultipartStart(LightS3(Bucket.at(INGEST, "eu-central-1"))),
            queue=self.queue or JobQueue(self.cloud.sqs, self.cloud.queue_url),
            scans=self.scans,
            concurrency_limit=self.concurrency_limit,
            waits=WAITS,
            clock=lambda: self.began + after,
            seconds_left=self.seconds_left,
        ).run()

    def record(self, ref: UploadRef = REF, *, age: timedelta = timedelta(), **attributes: Any) -> None:
        """Write an upload that has not changed for so long when the test begins. Its URL is open for 15 minutes."""
        since = self.began - age
        times: dict[str, Any] = {
            "created_at": iso(since),
            "updated_at": iso(since),
            "expires_at": iso(since + timedelta(minutes=15)),
        }
        self.cloud.write_record(ref, **{**times, **attributes})

    def messages(self) -> list[Message]:
        """Receive and delete all messages."""
        url = self.cloud.queue_url
        found: list[Message] = []
        while received := self.cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for each in received:
                receipt = each.get("ReceiptHandle", "")
                found.append(Message(each.get("MessageId", ""), receipt, 1, each.get("Body", ""), LATER))
                self.cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
        return found

    def deliveries(self) -> list[Delivery]:
        return [Delivery.of(message, "run") for message in self.messages()]


@pytest.fixture
def schedule(cloud: Cloud, store: UploadStore) -> Schedule:
    return Schedule(cloud, store)


def test_the_waits_follow_from_the_queue() -> None:
    assert Waits(timedelta(minutes=20), timedelta(minutes=50)) == WAITS
    assert [WAITS.until_next(requeues) for requeues in (0, 1, 2, 3, 99)] == [
        *(timedelta(minutes=minutes) for minutes in (50, 50, 100, 200)),
        DAY,
    ]
    assert Waits.of(visibility_timeout_seconds=43_200, max_attempts=1_000, job_seconds=300).again_after == DAY


class TestPendingWithItsObject:
    def test_the_lost_event_is_replaced_and_processing_completes_the_upload(
        self, cloud: Cloud, schedule: Schedule, worker: Worker
    ) -> None:
        schedule.record()
        first = cloud.put_object()
        cloud.put_object(body=b"%PDFx")  # as a form can be sent twice

        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: 1}
        (delivery,) = schedule.deliveries()
        assert (delivery.version_id, delivery.run.job_id) == (first, f"{REF.upload_id}-pending-1")
        worker.process(delivery, count_bytes)
        assert cloud.status() == "completed"

    def test_an_event_that_may_still_come_is_not_replaced(self, cloud: Cloud, schedule: Schedule) -> None:
        schedule.record(age=3 * DAY, method="multipart", multipart_id="m", part_size_bytes=5)
        cloud.put_object()  # just now

        assert schedule.run(WAITS.grace - SECOND) == {}
        assert schedule.messages() == []

    def test_a_young_upload_is_not_looked_at(self, cloud: Cloud, schedule: Schedule) -> None:
        schedule.record()
        cloud.put_object()

        assert schedule.run(WAITS.grace - SECOND) == {}


class TestPendingWithoutAnObject:
    def test_stays_while_bytes_can_come_and_is_looked_at_from_time_to_time(
        self, cloud: Cloud, schedule: Schedule
    ) -> None:
        schedule.record()

        assert schedule.run(OVERDUE) == {}
        cloud.put_object()
        assert schedule.run(WAITS.grace + WAITS.again_after) == {}
        assert schedule.run(OVERDUE + WAITS.again_after) == {Outcome.REQUEUED: 1}

    def test_expires_when_no_byte_can_come_any_more_and_a_late_object_is_put_away(
        self, cloud: Cloud, schedule: Schedule, worker: Worker
    ) -> None:
        schedule.record()

        assert schedule.run(DAY + timedelta(minutes=14)) == {}
        assert schedule.run(DAY + timedelta(hours=2)) == {Outcome.EXPIRED: 1}
        record = cloud.record()
        assert record
        assert (record["status"], record["version"]) == ("expired", 2)
        assert cloud.open_uploads() == []
        worker.process(Delivery.of(Message("m", "r", 1, event_of(cloud.put_object()), LATER), "run"), count_bytes)
        assert cloud.status() == "expired"
        assert cloud.versions(INGEST) == {}

    def test_parts_are_aborted_and_their_place_is_free(
        self, cloud: Cloud, schedule: Schedule, in_parts: UploadInParts, store: UploadStore
    ) -> None:
        times: dict[str, Any] = {
            name: iso(schedule.began - 15 * DAY - SECOND) for name in ("created_at", "updated_at", "expires_at")
        }
        in_parts.begin(**times)
        upload = store.find(REF)
        place = store.places.take(upload, upload.created_at, limit=5)
        in_parts.begin(**times, place=place)
        in_parts.send()

        assert cloud.places(upload.created_at) == {place: REF.upload_id}
        assert schedule.run(timedelta()) == {Outcome.EXPIRED: 1}
        assert cloud.places(upload.created_at) == {}
        assert not in_parts.is_open_at_s3

    def test_a_url_that_is_renewed_at_the_same_time_keeps_it_open(
        self, cloud: Cloud, schedule: Schedule, store: UploadStore
    ) -> None:
        schedule.record(age=2 * DAY, place=0)
        upload = store.find(REF)
        renewed = upload._replace(expires_at=schedule.began + DAY)

        meanwhile = Interrupted(lambda: store.record_renewed(renewed, place_before=0))

        assert schedule.run(timedelta(), records=meanwhile) == {}
        assert cloud.status() == "pending"


class TestUploaded:
    def test_is_requeued_with_its_version_after_waits_that_double(self, cloud: Cloud, schedule: Schedule) -> None:
        schedule.record(status="uploaded", version=2, object_version="v1")
        first = OVERDUE
        second, third = first + WAITS.again_after, first + 3 * WAITS.again_after
        moments = [first, first, second - SECOND, second, third - SECOND, third]

        sent: list[Delivery] = []
        found: list[int] = []
        for moment in moments:
            found.append(schedule.run(moment)[Outcome.REQUEUED])
            sent += schedule.deliveries()

        assert found == [1, 0, 0, 1, 0, 1]
        assert {each.run.job_id for each in sent} == {f"{REF.upload_id}-uploaded-{n}" for n in (1, 2, 3)}
        assert {each.version_id for each in sent} == {"v1"}
        record = cloud.record()
        assert record
        assert (record["status"], record["version"]) == ("uploaded", 2)


class TestProcessing:
    def begin(self, schedule: Schedule, **attributes: Any) -> None:
        """Write an upload with a run that was killed: its lease ends when the test begins."""
        killed: dict[str, Any] = {
            "status": "processing",
            "version": 3,
            "object_version": "v1",
            "job_id": "j",
            "run_id": "r",
        }
        schedule.record(age=timedelta(hours=1), **killed, leased_until=iso(schedule.began), **attributes)

    def test_is_requeued_once_when_its_lease_is_over_for_long_and_fails_the_next_time(
        self, cloud: Cloud, schedule: Schedule
    ) -> None:
        self.begin(schedule)

        assert schedule.run(WAITS.grace - SECOND) == {}
        assert schedule.run(WAITS.grace) == {Outcome.REQUEUED: 1}
        assert len(schedule.messages()) == 1
        assert schedule.run(WAITS.grace + WAITS.again_after - SECOND) == {}
        assert schedule.run(WAITS.grace + WAITS.again_after) == {Outcome.FAILED: 1}
        record = cloud.record()
        assert record
        assert (record["status"], record["failure"]["code"]) == ("failed", "processing-interrupted")
        assert cloud.open_uploads() == []
        assert schedule.messages() == []

    def test_a_requeue_before_it_was_processed_does_not_count(self, schedule: Schedule) -> None:
        looked: dict[str, Any] = {"reconciled_at": iso(schedule.began), "reconciled_status": "pending", "requeues": 3}
        self.begin(schedule, **looked)

        assert schedule.run(WAITS.grace) == {Outcome.REQUEUED: 1}

    def test_a_run_that_takes_it_at_the_same_time_keeps_it(self, cloud: Cloud, schedule: Schedule) -> None:
        looked: dict[str, Any] = {
            "reconciled_at": iso(schedule.began - DAY),
            "reconciled_status": "processing",
            "requeues": 1,
        }
        self.begin(schedule, **looked)

        def renew() -> None:
            assert schedule.store.change_lease(REF, schedule.began + DAY, run_id="r")

        assert schedule.run(WAITS.grace, records=Interrupted(renew)) == {}
        assert cloud.status() == "processing"


class TestAQueueThatIsBehind:
    def test_explains_what_waits_but_not_what_has_no_object(self, cloud: Cloud, schedule: Schedule) -> None:
        looked: dict[str, Any] = {
            "reconciled_at": iso(schedule.began - DAY),
            "reconciled_status": "processing",
            "requeues": 1,
        }
        schedule.record(REFS[0], age=DAY)
        cloud.put_object(REFS[0])
        schedule.record(REFS[1], age=DAY, status="uploaded", object_version="v1")
        schedule.record(
            REFS[2],
            age=DAY,
            status="processing",
            object_version="v1",
            leased_until="2026-01-01T00:00:00.000Z",
            **looked,
        )
        schedule.record(REFS[3], age=3 * DAY)
        for _ in range(2):
            cloud.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody="{}")

        assert schedule.run(OVERDUE) == {Outcome.WAITING: 3, Outcome.EXPIRED: 1}
        assert len(schedule.messages()) == 2
        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: 2, Outcome.FAILED: 1}

    def test_is_not_behind_with_as_many_messages_as_jobs_run_at_once(self, cloud: Cloud, schedule: Schedule) -> None:
        schedule.record(status="uploaded", object_version="v1")
        cloud.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody="{}")

        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: 1}


@pytest.mark.parametrize("status", ["pending", "uploaded"])
def test_what_could_not_be_processed_for_as_long_as_a_message_lives_fails(
    cloud: Cloud, schedule: Schedule, store: UploadStore, status: str
) -> None:
    version = cloud.put_object()
    schedule.record(status=status, **known(status, version))
    upload = store.find(REF)
    place = store.places.take(upload, upload.created_at, limit=5)
    schedule.record(status=status, **known(status, version), place=place)

    assert schedule.run(MESSAGE_LIFETIME - SECOND) == {Outcome.REQUEUED: 1}
    assert schedule.run(MESSAGE_LIFETIME + DAY + SECOND) == {Outcome.FAILED: 1}
    record = cloud.record()
    assert record
    assert record["failure"]["code"] == "not-processed"
    assert cloud.places(upload.created_at) == {}


class TestWhereScansAreRequired:
    @pytest.mark.parametrize("status", ["pending", "uploaded", "processing"])
    def test_a_scan_is_requested_and_no_message_sent(self, cloud: Cloud, schedule: Schedule, status: str) -> None:
        version = cloud.put_object()
        schedule.record(age=DAY, status=status, **known(status, version))
        guardduty: Any = botocore.session.get_session().create_client("guardduty")
        schedule.scans = MalwareScans(Boto3Json(guardduty))

        with Stubber(guardduty) as stubber:
            scanned = {"Bucket": INGEST, "Key": REF.object_key, "VersionId": version}
            stubber.add_response("send_object_malware_scan", {}, {"S3Object": scanned})
            assert schedule.run(OVERDUE) == {Outcome.SCAN_REQUESTED: 1}
            stubber.assert_no_pending_responses()
        assert schedule.messages() == []


class TestARequeueThatCannotBeSent:
    @pytest.mark.parametrize("status", ["pending", "uploaded", "processing"])
    @pytest.mark.parametrize("requires_scans", [False, True])
    def test_does_not_count_and_the_next_run_sends_it(
        self, cloud: Cloud, schedule: Schedule, status: str, requires_scans: bool
    ) -> None:
        version = cloud.put_object()
        schedule.record(age=DAY, status=status, **known(status, version))

        failing = replace(schedule, queue=NoQueue(cloud.sqs, cloud.queue_url))
        if requires_scans:
            failing = replace(schedule, scans=MalwareScans(Throttled()))
        assert [failing.run(OVERDUE + minute * SECOND * 60) for minute in range(3)] == [{Outcome.ERROR: 1}] * 3

        assert schedule.run(OVERDUE + timedelta(minutes=4)) == {Outcome.REQUEUED: 1}
        record = cloud.record()
        assert record
        assert (record["status"], record["requeues"]) == (status, 1)
        assert [each.run.job_id for each in schedule.deliveries()] == [f"{REF.upload_id}-{status}-1"]

    def test_keeps_the_wait_of_the_requeues_before_it(self, cloud: Cloud, schedule: Schedule) -> None:
        schedule.concurrency_limit = 5
        schedule.record(status="uploaded", version=2, object_version="v1")
        second = OVERDUE + WAITS.again_after

        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: 1}
        assert replace(schedule, queue=NoQueue(cloud.sqs, cloud.queue_url)).run(second) == {Outcome.ERROR: 1}
        assert schedule.run(second + SECOND) == {Outcome.REQUEUED: 1}
        assert schedule.run(second + 2 * WAITS.again_after) == {}
        assert schedule.run(second + SECOND + 2 * WAITS.again_after) == {Outcome.REQUEUED: 1}

    def test_is_not_taken_back_from_another_run(self, cloud: Cloud, schedule: Schedule) -> None:
        """The message was received before the error of sending it."""
        schedule.record(age=DAY, status="uploaded", object_version="v1")

        class Lost(NoQueue):
            def send(self, body: str, owner: str) -> None:
                JobQueue(cloud.sqs, cloud.queue_url).send(body, owner)
                cloud.write_record(REF, status="completed", version=9)
                super().send(body, owner)

        assert replace(schedule, queue=Lost(cloud.sqs, cloud.queue_url)).run(OVERDUE) == {Outcome.ERROR: 1}
        record = cloud.record()
        assert record
        assert (record["status"], "requeues" in record) == ("completed", False)


class TestTwoRunsAtOnce:
    @pytest.mark.parametrize("status", ["pending", "uploaded", "processing"])
    def test_one_of_them_requeues(self, cloud: Cloud, schedule: Schedule, status: str) -> None:
        version = cloud.put_object()
        schedule.record(age=DAY, status=status, **known(status, version))
        other: list[Counter[Outcome]] = []

        mine = schedule.run(OVERDUE, records=Interrupted(lambda: other.append(schedule.run(OVERDUE + SECOND))))

        assert mine + other[0] == {Outcome.REQUEUED: 1}
        assert len(schedule.messages()) == 1

    def test_one_of_them_lets_it_expire(self, schedule: Schedule) -> None:
        schedule.record(age=3 * DAY)
        other: list[Counter[Outcome]] = []

        mine = schedule.run(timedelta(), records=Interrupted(lambda: other.append(schedule.run(SECOND))))

        assert mine + other[0] == {Outcome.EXPIRED: 1}


class TestManyUploads:
    def test_all_shards_and_all_pages_are_read(self, cloud: Cloud, schedule: Schedule) -> None:
        assert {ref.open_shard for ref in REFS} == {str(shard) for shard in range(OPEN_SHARDS)}
        for ref in REFS:
            schedule.record(ref, status="uploaded", object_version="v1")

        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: len(REFS)}
        assert {each.key for each in schedule.deliveries()} == {ref.object_key for ref in REFS}
        assert cloud.count_records() == len(REFS)

    def test_one_that_cannot_be_read_is_counted_and_does_not_stop_the_others(self, schedule: Schedule) -> None:
        for ref in REFS:
            schedule.record(ref, status="uploaded", object_version="v1")
        schedule.record(REFS[0], status="of a later release")

        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: len(REFS) - 1, Outcome.ERROR: 1}

    def test_a_record_that_is_deleted_at_the_same_time_is_left_out(self, cloud: Cloud, schedule: Schedule) -> None:
        class Deleted(UploadStore):
            def find(self, ref: UploadRef) -> Upload:
                key: Any = {"owner": {"S": ref.owner}, "upload_id": {"S": ref.upload_id}}
                cloud.dynamodb.delete_item(TableName=TABLE, Key=key)
                return super().find(ref)

        schedule.record(status="uploaded", object_version="v1")

        assert schedule.run(OVERDUE, records=Deleted(Boto3Json(cloud.dynamodb), TABLE)) == {}

    def test_a_run_ends_in_time_and_the_next_one_goes_on(self, schedule: Schedule) -> None:
        for ref in REFS:
            schedule.record(ref, status="uploaded", object_version="v1")

        def counted_down(seconds: float) -> Iterator[float]:
            while True:
                yield seconds
                seconds -= 30

        left = counted_down(300)
        hurried = replace(schedule, seconds_left=lambda: next(left))

        first = hurried.run(OVERDUE)[Outcome.REQUEUED]
        assert 0 < first < len(REFS)
        assert len(schedule.messages()) == first
        assert schedule.run(OVERDUE + SECOND) == {Outcome.REQUEUED: len(REFS) - first}

    @pytest.mark.parametrize("minutes", [10, 15])
    def test_runs_that_are_killed_begin_with_another_shard_each_time(
        self, cloud: Cloud, store: UploadStore, minutes: int
    ) -> None:
        schedule = Schedule(cloud, store, began=datetime(2026, 3, 1, tzinfo=UTC))
        begun: list[str] = []

        class Killed(UploadStore):
            def find(self, ref: UploadRef) -> Upload:
                begun.append(ref.open_shard)
                raise SystemExit

        for ref in REFS:
            schedule.record(ref)
        for number in range(40):
            with pytest.raises(SystemExit):
                schedule.run(OVERDUE + number * minutes * 60 * SECOND, records=Killed(Boto3Json(cloud.dynamodb), TABLE))
        assert {*begun} == {str(shard) for shard in range(OPEN_SHARDS)}

    def test_many_that_are_not_due_keep_no_run_from_those_that_changed_later(self, schedule: Schedule) -> None:
        """Uploads in parts are open for 14 days, and a run reads the record of each."""
        for age, ref in enumerate(ONE_SHARD[1:], start=1):
            schedule.record(ref, age=age * SECOND, expires_at=iso(schedule.began + DAY))
        schedule.record(ONE_SHARD[0], status="uploaded", object_version="v1")

        def run(looks: int, number: int) -> Counter[Outcome]:
            left = iter([*[300.0] * looks, 0.0])
            return replace(schedule, seconds_left=lambda: next(left)).run(OVERDUE + number * SECOND)

        runs = [run(3, number) for number in range(len(ONE_SHARD) // 3 + 1)]
        assert sum(runs, Counter[Outcome]()) == {Outcome.REQUEUED: 1}

    @pytest.mark.parametrize("stopped_at", [1, 7, len(ONE_SHARD) - 1])
    def test_a_run_goes_on_after_the_last_one_and_reads_each_of_them_once(
        self, cloud: Cloud, schedule: Schedule, stopped_at: int
    ) -> None:
        for number, ref in enumerate(ONE_SHARD):
            schedule.record(ref, age=-number * SECOND)
        elsewhere = next(ref for ref in REFS if ref.open_shard != ONE_SHARD[0].open_shard)
        schedule.record(elsewhere)
        uploads = OpenUploads(OnePageEach(cloud.dynamodb), TABLE)

        def read(after: Position | None) -> list[Position]:
            first_shard = int(ONE_SHARD[0].open_shard)
            return list(uploads.unchanged_since(schedule.began + DAY, first_shard=first_shard, after=after))

        stopped = read(None)[stopped_at]
        uploads.record_reached(stopped)
        assert uploads.reached() == stopped
        cloud.write_record(stopped.ref, status="completed")
        before, after = ONE_SHARD[:stopped_at], ONE_SHARD[stopped_at + 1 :]
        assert [each.ref for each in read(stopped)] == [*after, elsewhere, *before]

    def test_a_position_that_is_later_than_the_moment_is_left_out(self, cloud: Cloud, schedule: Schedule) -> None:
        """As after a change of the settings that makes the wait longer."""
        schedule.record(age=DAY, status="uploaded", object_version="v1")
        OpenUploads(Boto3Json(cloud.dynamodb), TABLE).record_reached(Position(REFS[1], iso(schedule.began + DAY)))
        assert schedule.run(OVERDUE) == {Outcome.REQUEUED: 1}

    def test_all_are_read_from_the_begin_after_a_run_that_read_all(self, cloud: Cloud, schedule: Schedule) -> None:
        uploads = OpenUploads(Boto3Json(cloud.dynamodb), TABLE)
        uploads.record_reached(Position(REFS[1], iso(schedule.began - DAY)))
        schedule.run(OVERDUE)
        assert uploads.reached() is None


def test_the_function_writes_one_record_with_a_metric_for_each_outcome(
    cloud: Cloud, schedule: Schedule, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "UPLOADS_TABLE": TABLE,
        "INGEST_BUCKET": INGEST,
        "QUEUE_URL": cloud.queue_url,
        "MALWARE_SCAN": "off",
        "CONCURRENCY_LIMIT": "5",
        "GRACE_SECONDS": "1200",
        "AGAIN_AFTER_SECONDS": "3000",
        "AWS_LAMBDA_FUNCTION_NAME": "the-reconciler",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", shared_client)
    cloud.put_object()
    schedule.record(age=DAY, status="uploaded", object_version="v1")
    schedule.record(REFS[0], age=3 * DAY)

    entry.handle({}, Context())

    (record,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert {name: record[name] for name in (*Outcome, "stuck_uploads", "function", "status")} == {
        **dict.fromkeys(Outcome, 0),
        Outcome.REQUEUED: 1,
        Outcome.EXPIRED: 1,
        "stuck_uploads": 1,
        "function": "the-reconciler",
        "status": 200,
    }
    of_the_function = record["_aws"]["CloudWatchMetrics"][1]
    assert of_the_function["Dimensions"] == [["function"]]
    assert {each["Name"] for each in of_the_function["Metrics"]} == {*Outcome, "stuck_uploads"}


def known(status: str, version: str) -> dict[str, Any]:
    """The version that a record has once its object's event was received."""
    return {} if status == "pending" else {"object_version": version}


def event_of(version_id: str) -> str:
    created = {"bucket": {"name": INGEST}, "object": {"key": REF.object_key, "version-id": version_id}}
    return json.dumps({"id": "event-1", "detail": created})
