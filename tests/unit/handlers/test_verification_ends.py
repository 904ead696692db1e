"""Objects that differ from their declaration or are not safe are rejected and put away, for every order of events."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Scan, ScanResult
from handlers.domain.upload import Run
from handlers.domain.upload_ref import UploadRef
from handlers.entries import process_object
from handlers.storage import objects
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.objects import ObjectStore, ObjectVersion
from handlers.use_cases.job_record import LeasedElsewhere, ScanFailed, ScanMissing
from handlers.use_cases.process_object import JobFailed
from tests.support.aws.moto_cloud import (
    INGEST,
    LATER,
    LATER_ISO,
    OWNER,
    PDF,
    QUARANTINE,
    REF,
    RESULTS,
    Cloud,
    object_scanned,
    tried_again,
)
from tests.support.handlers.deliveries import (
    MAX_ATTEMPTS,
    Worker,
    at_try,
    count_bytes,
    duplicate,
    failed_try,
    first_delivery,
    never,
)
from tests.support.handlers.queue_batches import handle, in_this_process, uploaded

Again = Callable[[Delivery], Delivery]
TEXT = b"words"
KEY = REF.object_key
ANOTHER_RUN = Run("event-2", "run-2")
CLEAN, THREATS = Scan(ScanResult.CLEAN), Scan(ScanResult.THREATS, ("EICAR",))
UNSUPPORTED, FAILED, DENIED = (Scan(ScanResult[name]) for name in ("UNSUPPORTED", "FAILED", "ACCESS_DENIED"))


@pytest.fixture
def lie(cloud: Cloud) -> Delivery:
    """Text that was declared as PDF."""
    cloud.write_record()
    return first_delivery(cloud.put_object(body=TEXT))


def scanned(delivery: Delivery, scan: Scan) -> Delivery:
    return replace(delivery, scan=scan)


def retried(delivery: Delivery) -> Delivery:
    return at_try(delivery, 2)


def is_put_away(cloud: Cloud, content: bytes = TEXT) -> bool:
    return cloud.versions(INGEST) == {} and cloud.versions(QUARANTINE) == {KEY: [content]}


class TestRejected:
    def test_the_record_tells_why_and_the_object_is_in_quarantine(
        self, cloud: Cloud, worker: Worker, lie: Delivery
    ) -> None:
        before = cloud.record()
        assert before
        worker.process(lie, never)
        del before["open_shard"]
        assert cloud.record() == {
            **before,
            "object_version": lie.version_id,
            "status": "rejected",
            "version": 4,
            "updated_at": LATER_ISO,
            "job_id": "event-1",
            "run_id": "run-1",
            "rejection": {"code": "type-mismatch", "detail": "The object is text, but application/pdf was declared."},
        }
        assert is_put_away(cloud)
        assert cloud.results() == {}

    def test_or_it_is_deleted_for_good_where_there_is_no_quarantine(
        self, cloud: Cloud, worker: Worker, lie: Delivery
    ) -> None:
        worker.quarantine_bucket = None
        worker.process(lie, never)
        listing = cloud.s3.list_object_versions(Bucket=INGEST)
        assert (listing.get("Versions"), listing.get("DeleteMarkers")) == (None, None)
        assert cloud.versions(QUARANTINE) == {}
        assert cloud.status() == "rejected"

    def test_what_is_as_declared_stays_where_it_is(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        worker.process(delivery, count_bytes)
        assert cloud.versions(INGEST) == {KEY: [PDF]}
        assert cloud.versions(QUARANTINE) == {}

    @pytest.mark.parametrize("quarantine", [QUARANTINE, None])
    @pytest.mark.parametrize("again", [retried, duplicate])
    def test_an_event_that_comes_again_changes_nothing(
        self, cloud: Cloud, worker: Worker, lie: Delivery, again: Again, quarantine: str | None
    ) -> None:
        worker.quarantine_bucket = quarantine
        worker.process(lie, never)
        record, put_away = cloud.record(), cloud.versions(QUARANTINE)
        worker.process(again(lie), never)
        assert (cloud.record(), cloud.versions(QUARANTINE), cloud.versions(INGEST)) == (record, put_away, {})

    def test_what_is_sent_after_the_rejection_is_put_away_as_well(
        self, cloud: Cloud, worker: Worker, lie: Delivery
    ) -> None:
        worker.process(lie, never)
        later = replace(duplicate(lie), version_id=cloud.put_object(body=PDF))
        worker.process(later, never)
        assert cloud.status() == "rejected"
        assert cloud.versions(INGEST) == {}
        assert cloud.versions(QUARANTINE) == {KEY: [PDF, TEXT]}


class TestInterrupted:
    """After any interruption of the function, the next delivery finishes."""

    @pytest.mark.parametrize("again", [retried, duplicate])
    def test_before_it_was_recorded_any_message_verifies_again(
        self, cloud: Cloud, worker: Worker, lie: Delivery, again: Again
    ) -> None:
        self.process_until(worker, lie, "describe")
        assert cloud.status() == "processing"
        worker.process(again(lie), never)
        assert is_put_away(cloud)
        assert cloud.status() == "rejected"

    @pytest.mark.parametrize("again", [retried, duplicate])
    def test_after_it_was_recorded_any_message_puts_the_object_away(
        self, cloud: Cloud, worker: Worker, lie: Delivery, again: Again
    ) -> None:
        self.process_until(worker, lie, "put_away")
        assert cloud.status() == "rejected"
        assert not is_put_away(cloud)
        worker.process(again(lie), never)
        assert is_put_away(cloud)

    def process_until(self, worker: Worker, delivery: Delivery, operation: str) -> None:
        def end(*_arguments: object) -> None:
            raise LookupError

        with pytest.MonkeyPatch.context() as patched, failed_try(LookupError):
            patched.setattr(ObjectStore, operation, end)
            worker.process(delivery, never)

    def test_between_copy_and_deletion_the_copy_is_made_again(
        self, cloud: Cloud, worker: Worker, lie: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(**_parameters: object) -> None:
            raise ClientError({"Error": {"Code": "InternalError"}}, "DeleteObject")

        with monkeypatch.context() as patched, failed_try(ClientError):
            patched.setattr(cloud.s3, "delete_object", refuse)
            worker.process(lie, never)
        worker.process(at_try(lie, 2), never)
        assert cloud.versions(INGEST) == {}
        assert set(cloud.versions(QUARANTINE)[KEY]) == {TEXT}

    def test_a_quarantine_that_cannot_be_reached_keeps_the_object_and_at_last_the_message(
        self, cloud: Cloud, worker: Worker, lie: Delivery
    ) -> None:
        worker.quarantine_bucket = "bucket-of-nobody"
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with failed_try(ClientError):
                worker.process(at_try(lie, attempt), never)
        assert cloud.status() == "rejected"
        assert cloud.versions(INGEST) == {KEY: [TEXT]}

    def test_a_job_that_was_overtaken_by_its_own_retry_still_puts_away(
        self, cloud: Cloud, worker: Worker, lie: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = worker.store.record_rejected

        def overtaken(ref: UploadRef, *moment: Any, **why: Any) -> bool:
            assert record(ref, *moment, **why)
            return record(ref, *moment, **why)

        monkeypatch.setattr(worker.store, "record_rejected", overtaken)
        worker.process(lie, never)
        assert is_put_away(cloud)


class TestPutAway:
    def test_a_large_object_is_copied_in_parts(
        self, cloud: Cloud, lie: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        part = 5 * 1024**2  # the least that S3 takes
        body = bytes(part) + b"the end"
        version = ObjectVersion(INGEST, KEY, cloud.put_object(body=body))
        monkeypatch.setattr(objects, "MAX_COPIED_AT_ONCE_BYTES", part)
        ObjectStore(cloud.s3, RESULTS, QUARANTINE).put_away(version)
        assert cloud.versions(QUARANTINE) == {KEY: [body]}
        assert cloud.s3.head_object(Bucket=QUARANTINE, Key=KEY)["ETag"].endswith('-2"')
        assert cloud.versions(INGEST) == {KEY: [TEXT]}, "the version of the other event stays"
        assert lie.version != version

    def test_an_object_whose_key_only_begins_so_is_another(self, cloud: Cloud, lie: Delivery) -> None:
        other = UploadRef(OWNER, f"{REF.upload_id}0")
        version_id = cloud.put_object(other)
        gone = ObjectVersion(INGEST, KEY, version_id)
        ObjectStore(cloud.s3, RESULTS, QUARANTINE).put_away(gone)
        assert cloud.versions(INGEST) == {KEY: [TEXT], other.object_key: [PDF]}
        assert lie.version_id != version_id


class TestScan:
    def test_a_clean_object_is_verified_and_then_processed(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.process(scanned(delivery, CLEAN), count_bytes)
        assert cloud.status() == "completed"

    def test_a_clean_object_that_is_not_as_declared_is_rejected(
        self, cloud: Cloud, worker: Worker, lie: Delivery
    ) -> None:
        worker.process(scanned(lie, CLEAN), never)
        record = cloud.record()
        assert record
        assert record["rejection"]["code"] == "type-mismatch"

    def test_threats_reject_it_without_a_byte_being_read(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(*_arguments: object) -> None:
            pytest.fail("It was read.")

        for name in ("describe", "head", "chunks"):
            monkeypatch.setattr(ObjectStore, name, read)
        worker.process(scanned(delivery, THREATS), never)
        record = cloud.record()
        assert record
        assert record["rejection"] == {"code": "malware-found", "detail": "The malware scan found EICAR."}
        assert is_put_away(cloud, PDF)

    @pytest.mark.parametrize(("process", "status"), [(False, "rejected"), (True, "completed")])
    def test_what_cannot_be_scanned_is_treated_as_wished(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, *, process: bool, status: str
    ) -> None:
        worker.process_unscannable = process
        worker.process(scanned(delivery, UNSUPPORTED), count_bytes)
        assert cloud.status() == status
        assert is_put_away(cloud, PDF) == (not process)

    @pytest.mark.parametrize("scan", [FAILED, DENIED], ids=["failed", "denied"])
    @pytest.mark.parametrize("again", [retried, duplicate])
    def test_a_scan_that_failed_fails_the_upload_at_once_and_each_message_goes_to_the_dead_letters(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, scan: Scan, again: Again
    ) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 2):
            with failed_try(ScanFailed):
                worker.process(at_try(scanned(again(delivery) if attempt > 1 else delivery, scan), attempt), never)
            record = cloud.record()
            assert record
            assert record["failure"] == {
                "code": "scan-failed",
                "detail": "The object could not be scanned for malware.",
            }
            assert record["version"] == 4
        assert cloud.versions(INGEST) == {KEY: [PDF]}, "an operator may have it scanned again"

    @pytest.mark.parametrize("scan", [CLEAN, THREATS, UNSUPPORTED, FAILED])
    def test_a_result_that_comes_after_the_end_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, scan: Scan
    ) -> None:
        worker.process(scanned(delivery, CLEAN), count_bytes)
        record = cloud.record()
        worker.process(scanned(duplicate(delivery), scan), never)
        assert cloud.record() == record
        assert cloud.versions(INGEST) == {KEY: [PDF]}

    def test_a_result_of_an_object_that_nobody_declared_is_an_error(self, worker: Worker, delivery: Delivery) -> None:
        stranger = replace(scanned(delivery, CLEAN), key=UploadRef(OWNER, "of-nobody").object_key)
        with pytest.raises(UnknownUpload):
            worker.process(stranger, never)


class TestAnEventFromBeforeTheScanWasSwitchedOn:
    """The queue holds events of objects that nobody scans any more, unless an operator asks for it."""

    @pytest.fixture(autouse=True)
    def scans_are_required(self, worker: Worker) -> None:
        worker.requires_scan = True

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
    def test_its_object_is_not_processed_and_waits_for_the_result_of_a_scan(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int
    ) -> None:
        with pytest.raises(ScanMissing, match="SendObjectMalwareScan"):
            worker.process(at_try(delivery, attempt), never)
        record = cloud.record()
        assert record
        assert (record["status"], record["version"]) == ("uploaded", 2)
        assert cloud.versions(INGEST) == {KEY: [PDF]}
        worker.process(scanned(duplicate(delivery), CLEAN), count_bytes)
        assert cloud.status() == "completed"

    @pytest.mark.parametrize(("scan", "status"), [(CLEAN, "completed"), (THREATS, "rejected")])
    def test_after_the_scan_it_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, scan: Scan, status: str
    ) -> None:
        worker.process(scanned(delivery, scan), count_bytes)
        record, versions = cloud.record(), cloud.versions(INGEST)
        worker.process(duplicate(delivery), never)
        assert (cloud.record(), cloud.versions(INGEST)) == (record, versions)
        assert cloud.status() == status

    def test_an_upload_whose_run_was_killed_is_not_taken_over_by_it(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.store.record_uploaded(REF, LATER, version_id=delivery.version_id)
        worker.store.record_processing(REF, LATER, run=ANOTHER_RUN, leased_until=LATER, version_id=delivery.version_id)
        with pytest.raises(ScanMissing):
            worker.process(delivery, never)
        worker.process(scanned(delivery, CLEAN), count_bytes)
        assert cloud.status() == "completed"

    def test_what_comes_after_an_abort_is_put_away(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        worker.store.record_aborted(REF, LATER)
        worker.process(delivery, never)
        assert is_put_away(cloud, PDF)

    @pytest.mark.usefixtures("process_object_started")
    def test_the_function_leaves_the_message_in_the_queue(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MALWARE_SCAN", "required")
        created = uploaded(cloud)
        assert handle(created) == [created["messageId"]]
        assert cloud.status() == "uploaded"
        version_id = json.loads(created["body"])["detail"]["object"]["version-id"]
        assert handle(cloud.queue(json.dumps(object_scanned(KEY, version_id, "NO_THREATS_FOUND")))) == []
        assert handle(tried_again(created, 2)) == []
        assert cloud.status() == "completed"


class TestPuttingAway:
    def test_the_message_is_hidden_while_a_large_object_is_put_away(
        self, worker: Worker, lie: Delivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hidden: list[float] = []

        def hide(_queue: JobQueue, _message: Message, seconds: int) -> None:
            hidden.append(seconds)

        def copy_slowly(_objects: ObjectStore, _version: ObjectVersion) -> None:
            hidden.clear()
            for _ in range(10):
                worker.now += timedelta(seconds=10)
                worker.while_working()

        monkeypatch.setattr(JobQueue, "hide", hide)
        monkeypatch.setattr(ObjectStore, "put_away", copy_slowly)
        worker.process(lie, never)
        assert hidden == [65] * 5


class TestScanEvent:
    def message(self, event: Mapping[str, Any]) -> Message:
        return Message("message-1", "receipt-1", 2, json.dumps(event), LATER)

    def test_a_delivery_is_what_the_event_says(self) -> None:
        event = object_scanned(KEY, "v7", "THREATS_FOUND", threats=["EICAR"])
        message = self.message(event)
        expected = Delivery(Run(event["id"], "request-1/message-1", LATER), message, INGEST, KEY, "v7", THREATS)
        assert Delivery.of(message, "request-1") == expected

    @pytest.mark.parametrize("missing", ["bucketName", "objectKey", "versionId"])
    def test_one_without_a_place_is_an_error(self, missing: str) -> None:
        event = object_scanned(KEY, "v7", "NO_THREATS_FOUND")
        del event["detail"]["s3ObjectDetails"][missing]
        with pytest.raises(UnknownUpload, match=missing):
            Delivery.of(self.message(event), "request-1")

    @pytest.mark.usefixtures("process_object_started")
    @pytest.mark.parametrize(
        ("result", "status", "comes_again"),
        [
            ("NO_THREATS_FOUND", "completed", False),
            ("THREATS_FOUND", "rejected", False),
            ("UNSUPPORTED", "rejected", False),
            ("FAILED", "failed", True),
            ("ACCESS_DENIED", "failed", True),
            ("A_RESULT_OF_LATER", "pending", True),
        ],
    )
    def test_the_function_takes_it_from_the_queue(
        self, cloud: Cloud, result: str, status: str, *, comes_again: bool
    ) -> None:
        cloud.write_record()
        message = cloud.queue(json.dumps(object_scanned(KEY, cloud.put_object(), result)))
        assert handle(message) == ([message["messageId"]] if comes_again else [])
        assert cloud.status() == status

    @pytest.mark.usefixtures("process_object_started")
    def test_the_function_deletes_where_it_knows_no_quarantine_and_processes_the_unscannable_where_told(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process_object, "run_in_child", in_this_process)
        monkeypatch.setenv("QUARANTINE_BUCKET", "")
        monkeypatch.setenv("UNSCANNABLE_OBJECTS", "process")
        cloud.write_record()
        unsupported = cloud.queue(json.dumps(object_scanned(KEY, cloud.put_object(), "UNSUPPORTED")))
        assert handle(unsupported) == []
        assert cloud.status() == "completed"
        cloud.write_record()
        infected = cloud.queue(json.dumps(object_scanned(KEY, cloud.put_object(), "THREATS_FOUND")))
        assert handle(tried_again(infected, 2)) == []
        assert cloud.versions(QUARANTINE) == {}
        assert cloud.versions(INGEST) == {KEY: [PDF]}, "what was processed stays"


def test_a_failed_try_says_which_and_of_how_many(worker: Worker, delivery: Delivery) -> None:
    with pytest.raises(JobFailed, match=r"^Try 1 of 3 ended in ScanFailed\.$"):
        worker.process(scanned(delivery, FAILED), never)


class TestWhatIsNotTheUploads:
    def test_a_second_version_is_put_away_and_the_first_ones_result_stays(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.process(delivery, count_bytes)
        record = cloud.record()
        second = first_delivery(cloud.put_object(body=TEXT), run=ANOTHER_RUN)
        worker.process(second, never)
        assert cloud.record() == record
        assert (cloud.versions(INGEST), cloud.versions(QUARANTINE)) == ({KEY: [PDF]}, {KEY: [TEXT]})

    def test_of_two_versions_the_one_whose_event_comes_first_is_the_uploads(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        second = first_delivery(cloud.put_object(body=PDF), run=ANOTHER_RUN)
        worker.process(second, count_bytes)
        worker.process(delivery, never)
        record = cloud.record()
        assert record
        assert (record["status"], record["object_version"]) == ("completed", second.version_id)
        assert len(cloud.versions(INGEST)[KEY]) == 1

    def test_another_version_is_not_processed_in_the_place_of_the_one_that_waits(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.store.record_uploaded(REF, LATER, version_id=delivery.version_id)
        worker.process(first_delivery(cloud.put_object(body=TEXT), run=ANOTHER_RUN), never)
        assert cloud.status() == "uploaded"
        worker.process(delivery, count_bytes)
        assert cloud.status() == "completed"

    def test_what_comes_after_an_abort_is_put_away(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        worker.store.record_aborted(REF, LATER)
        record = cloud.record()
        worker.process(delivery, never)
        assert cloud.record() == record
        assert is_put_away(cloud, PDF)

    def test_a_version_that_another_run_works_on_stays(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        until = LATER + timedelta(minutes=5)
        worker.store.record_uploaded(REF, LATER, version_id=delivery.version_id)
        worker.store.record_processing(REF, LATER, run=ANOTHER_RUN, leased_until=until, version_id=delivery.version_id)
        with pytest.raises(LeasedElsewhere):
            worker.process(delivery, never)
        assert cloud.versions(INGEST) == {KEY: [PDF]}
