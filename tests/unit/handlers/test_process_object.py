"""The Lambda behind the queue, from a batch of messages to the answer that names those to deliver again."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.domain.times import iso
from handlers.processors import Job, Unprocessable
from handlers.use_cases.job_run import RECORDING_SECONDS
from handlers.use_cases.process_object import JobFailed
from tests.support.aws.moto_cloud import EVENT_ID, OWNER, PDF, REF, RESULTS, Cloud, tried_again
from tests.support.handlers.deliveries import MAX_ATTEMPTS, raise_secret
from tests.support.handlers.queue_batches import REFS, UseProcessor, handle, uploaded

pytestmark = pytest.mark.usefixtures("process_object_started")


def delays(cloud: Cloud, message: Mapping[str, Any], *, remaining_seconds: float = 300) -> list[float]:
    """Deliver a message that fails. Returns the delay of its next delivery in seconds."""
    told: list[float] = []

    def note(params: dict[str, Any], **_event: object) -> None:
        told.append(params["VisibilityTimeout"])

    name = "provide-client-params.sqs.ChangeMessageVisibility"
    cloud.sqs.meta.events.register_first(name, note)
    try:
        assert handle(message, remaining_seconds=remaining_seconds) == [message["messageId"]]
    finally:
        cloud.sqs.meta.events.unregister(name, note)
    return told


class TestOneMessage:
    def test_an_upload_is_inspected_and_completed(self, cloud: Cloud) -> None:
        assert handle(uploaded(cloud)) == []
        record = cloud.record()
        assert record
        assert record["status"] == "completed"
        assert record["result"] == {"bucket": RESULTS, "key": REF.result_key}
        assert cloud.result() == {
            "size_bytes": 5,
            "sha256": hashlib.sha256(PDF).hexdigest(),
            "sniffed_type": "application/pdf",
            "declared_type": "application/pdf",
        }

    def test_a_size_that_was_not_declared_rejects_the_upload_and_is_not_tried_again(self, cloud: Cloud) -> None:
        assert handle(uploaded(cloud, body=b"other size")) == []
        record = cloud.record()
        assert record
        assert record["rejection"] == {
            "code": "size-mismatch",
            "detail": "The object has 10 bytes, but 5 were declared.",
        }

    def test_a_duplicate_is_taken_from_the_queue_and_changes_nothing(self, cloud: Cloud) -> None:
        message = uploaded(cloud)
        handle(message)
        record, results = cloud.record(), cloud.results()
        assert handle(message, {**message, "messageId": "another"}) == []
        assert (cloud.record(), cloud.results()) == (record, results)

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_a_delivery_that_meets_another_run_comes_again_when_that_can_have_ended(
        self, cloud: Cloud, attempt: int
    ) -> None:
        message = tried_again(uploaded(cloud), attempt)
        record = cloud.write_record(
            status="processing",
            version=3,
            object_version=json.loads(message["body"])["detail"]["object"]["version-id"],
            job_id=EVENT_ID,
            run_id="another",
            leased_until=iso(datetime.now(UTC) + timedelta(seconds=100)),
        )
        assert delays(cloud, message, remaining_seconds=30) == [pytest.approx(100, abs=5)]
        again = {**message, "messageId": "another"}
        assert delays(cloud, again, remaining_seconds=300) == [pytest.approx(300, abs=5)]
        assert cloud.record() == record

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_an_event_of_another_bucket_goes_to_the_dead_letters_at_once_and_changes_nothing(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, attempt: int
    ) -> None:
        message = uploaded(cloud)
        record = cloud.record()
        with monkeypatch.context() as patched:
            patched.setenv("INGEST_BUCKET", "bucket-of-somebody")
            assert delays(cloud, tried_again(message, attempt)) == [0]
        assert cloud.record() == record

    def test_a_delivery_without_time_left_comes_again_soon(self, cloud: Cloud) -> None:
        message = uploaded(cloud)
        assert delays(cloud, message, remaining_seconds=RECORDING_SECONDS) == [5]
        assert cloud.status() == "pending"

    def test_a_failed_try_is_reported_until_the_last_and_then_recorded(
        self, cloud: Cloud, use_processor: UseProcessor
    ) -> None:
        use_processor(raise_secret)
        message = uploaded(cloud)
        for attempt, status in ((1, "processing"), (2, "processing"), (3, "failed")):
            assert handle(tried_again(message, attempt)) == [message["messageId"]]
            assert cloud.status() == status

    def test_a_message_whose_last_try_failed_is_in_the_queue_at_once_for_its_dead_letters(
        self, cloud: Cloud, use_processor: UseProcessor
    ) -> None:
        use_processor(raise_secret)
        message = uploaded(cloud)
        handle(tried_again(message, MAX_ATTEMPTS))
        (again,) = cloud.sqs.receive_message(QueueUrl=cloud.queue_url).get("Messages", [])
        assert again.get("MessageId") == message["messageId"]

    def test_the_cause_of_a_failure_is_in_the_log(
        self, cloud: Cloud, use_processor: UseProcessor, caplog: pytest.LogCaptureFixture
    ) -> None:
        use_processor(raise_secret)
        message = uploaded(cloud)
        with caplog.at_level(logging.ERROR):
            handle(message)
        (entry,) = caplog.records
        assert entry.exc_info
        assert isinstance(entry.exc_info[1], JobFailed)
        assert "in raise_secret\n" in str(entry.exc_info[1].__cause__)
        assert str(entry.exc_info[1].__cause__).endswith("LookupError: password=hunter2\n")
        assert vars(entry)["message_id"] == message["messageId"]

    def test_a_processor_that_does_not_exist_is_tried_again_and_at_last_failed(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PROCESSOR", "of_nobody.process")
        message = uploaded(cloud)
        assert handle(message) == [message["messageId"]]
        assert cloud.status() == "processing"
        assert handle(tried_again(message, MAX_ATTEMPTS)) == [message["messageId"]]
        record = cloud.record()
        assert record
        assert record["failure"]["detail"] == "Processing ended in ModuleNotFoundError at the last of 3 tries."


class TestBatch:
    @pytest.mark.parametrize("bad", [0, 1, 2])
    def test_one_that_fails_comes_again_alone_wherever_it_stands(
        self, cloud: Cloud, use_processor: UseProcessor, bad: int
    ) -> None:
        def process(job: Job) -> Mapping[str, object]:
            return raise_secret(job) if job.upload_id == REFS[bad].upload_id else {}

        use_processor(process)
        messages = [uploaded(cloud, ref) for ref in REFS]
        assert handle(*messages) == [messages[bad]["messageId"]]
        expected = ["processing" if n == bad else "completed" for n in range(3)]
        assert [cloud.status(ref) for ref in REFS] == expected

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "hello",
            "{",
            "null",
            "[]",
            "5",
            "{}",
            '{"detail": null}',
            '{"detail": {"bucket": {"name": "b"}}}',
            '{"detail": {"bucket": {"name": "b"}, "object": {"key": "uploads/a/b"}}}',
            '{"detail": {"bucket": {"name": "b"}, "object": {"key": null, "version-id": "v"}}}',
            '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}',
        ],
    )
    def test_a_malformed_body_comes_again_and_the_others_are_processed(self, cloud: Cloud, body: str) -> None:
        good = uploaded(cloud)
        bad = {**good, "messageId": "malformed", "receiptHandle": "any", "body": body}
        assert handle(bad, good, bad) == ["malformed", "malformed"]
        assert cloud.status() == "completed"

    @pytest.mark.parametrize("key", [f"uploads/{OWNER}/of-nobody", "uploads/alone", "elsewhere/a/b", ""])
    def test_an_object_that_is_no_upload_comes_again_and_the_others_are_processed(self, cloud: Cloud, key: str) -> None:
        good, bad = uploaded(cloud), cloud.announce("v", key=key)
        assert handle(bad, good) == [bad["messageId"]]
        assert cloud.status() == "completed"
        assert cloud.count_records() == 1

    def test_a_batch_of_none_is_nothing_to_do(self) -> None:
        assert handle() == []

    def test_a_queue_that_refuses_to_bring_a_message_forward_hurts_no_other(self, cloud: Cloud) -> None:
        good = uploaded(cloud)
        bad = {**cloud.queue("hello"), "receiptHandle": "forged"}
        assert handle(bad, good) == [bad["messageId"]]
        assert cloud.status() == "completed"

    def test_a_processor_that_exits_hurts_no_other(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        def process(job: Job) -> Mapping[str, object]:
            if job.upload_id == REFS[0].upload_id:
                raise SystemExit(1)
            return {}

        use_processor(process)
        messages = [uploaded(cloud, ref) for ref in REFS[:2]]
        try:
            assert handle(*messages) == [messages[0]["messageId"]]
        except SystemExit:
            pytest.fail("The exit of one processor ended the whole batch.")
        assert cloud.status(REFS[1]) == "completed"

    def test_one_that_is_unprocessable_is_done(self, cloud: Cloud, use_processor: UseProcessor) -> None:
        def refuse(_job: Job) -> Mapping[str, object]:
            raise Unprocessable("It is no picture.")

        use_processor(refuse)
        assert handle(*(uploaded(cloud, ref) for ref in REFS)) == []
        assert {cloud.status(ref) for ref in REFS} == {"failed"}


class TestEnvironment:
    def test_a_missing_setting_is_named(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RESULTS_BUCKET")
        with pytest.raises(ValueError, match="RESULTS_BUCKET is not set"):
            handle(uploaded(cloud))


class TestTheRecordOfAJob:
    @staticmethod
    def record_in(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        (record,) = lines
        return record

    def test_says_how_the_upload_ended_and_its_size_class(
        self, cloud: Cloud, capfd: pytest.CaptureFixture[str]
    ) -> None:
        handle(uploaded(cloud))
        record = self.record_in(capfd)
        assert (record["operation"], record["status"], record["upload_status"]) == ("processObject", 200, "completed")
        assert record["size_class"] == "under-1MB"
        assert record["latency_ms"] > 0

    def test_counts_what_is_wrong_with_the_object_apart_from_errors(
        self, cloud: Cloud, capfd: pytest.CaptureFixture[str]
    ) -> None:
        handle(uploaded(cloud, body=b"other size"))
        record = self.record_in(capfd)
        assert (record["upload_status"], record["client_errors"], record["server_errors"]) == ("rejected", 1, 0)

    def test_counts_a_failed_try_as_an_error(
        self, cloud: Cloud, use_processor: UseProcessor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        use_processor(raise_secret)
        handle(uploaded(cloud))
        record = self.record_in(capfd)
        assert (record["error"], record["client_errors"], record["server_errors"]) == ("JobFailed", 0, 1)
        assert "hunter2" not in json.dumps(record)
