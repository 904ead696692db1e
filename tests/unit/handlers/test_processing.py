"""The use case behind the queue, with processors written where they are needed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.processors import Job, Processor
from handlers.uploads.processing import Delivery
from tests.unit.handlers.cloud import INGEST, LATER_ISO, OWNER, PDF, REF, RESULTS, Cloud, object_created
from tests.unit.handlers.worker import (
    MAX_ATTEMPTS,
    Worker,
    at_try,
    count_bytes,
    duplicate,
    failed_try,
    never,
    no_chunks,
    raise_secret,
    refuse,
)


class TestDelivery:
    def test_it_is_what_the_event_says(self) -> None:
        record = {
            "messageId": "message-1",
            "attributes": {"ApproximateReceiveCount": "2"},
            "body": json.dumps(object_created(REF.object_key, "v7")),
        }
        assert Delivery.from_record(record) == Delivery("message-1", 2, INGEST, REF.object_key, "v7")


class TestCompleted:
    def test_the_result_is_in_its_bucket_and_the_record_says_where(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        before = cloud.record()
        assert before
        worker.process(delivery, count_bytes)
        assert cloud.result() == {"counted": 5}
        del before["open_shard"], before["open_until"]
        assert cloud.record() == {
            **before,
            "object_version": delivery.version_id,
            "status": "completed",
            "version": 4,
            "updated_at": LATER_ISO,
            "job_id": "message-1",
            "result": {"bucket": RESULTS, "key": f"results/{OWNER}/{REF.upload_id}.json"},
        }

    def test_the_processor_is_handed_all_that_the_contract_promises(self, worker: Worker, delivery: Delivery) -> None:
        worker.process(at_try(delivery, 2), count_bytes)
        (job,) = worker.jobs
        assert replace(job, chunks=no_chunks) == Job(
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
        )

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

    def test_the_deadline_guards_verification_and_then_loading_and_running_the_processor(
        self, worker: Worker, delivery: Delivery
    ) -> None:
        def load() -> Processor:
            worker.guarded.append("loaded")
            return lambda _job: worker.guarded.append("run") or {}

        worker.process(delivery, never, load_processor=load)
        assert worker.guarded == ["begun", "ended", "begun", "loaded", "run", "ended"]


class TestDuplicates:
    @pytest.mark.parametrize("processor", [count_bytes, refuse], ids=["completed", "failed"])
    @pytest.mark.parametrize("message", ["message-1", "message-2"])
    def test_an_event_after_the_end_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, processor: Processor, message: str
    ) -> None:
        worker.process(delivery, processor)
        record, results = cloud.record(), cloud.results()
        worker.process(replace(delivery, job_id=message, attempt=MAX_ATTEMPTS), never)
        assert (cloud.record(), cloud.results()) == (record, results)

    def test_an_event_of_a_later_version_changes_nothing_either(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        worker.process(delivery, count_bytes)
        record, results = cloud.record(), cloud.results()
        worker.process(replace(duplicate(delivery), version_id=cloud.put_object(body=b"later bytes")), never)
        assert (cloud.record(), cloud.results()) == (record, results)

    def test_another_message_while_the_first_is_worked_on_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        def during(_job: Job) -> Mapping[str, object]:
            before = cloud.record()
            worker.process(duplicate(delivery), never)
            return {"unchanged": cloud.record() == before}

        worker.process(delivery, during)
        assert cloud.result() == {"unchanged": True}
        assert cloud.status() == "completed"

    def test_another_message_between_two_tries_does_not_take_the_upload_away(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        with failed_try(LookupError):
            worker.process(delivery, raise_secret)
        worker.process(at_try(duplicate(delivery), MAX_ATTEMPTS), never)
        assert cloud.status() == "processing"
        worker.process(at_try(delivery, 2), count_bytes)
        assert cloud.status() == "completed"

    def test_the_same_message_delivered_twice_at_once_completes_the_upload_once(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        ends: list[dict[str, Any] | None] = []

        def during(job: Job) -> Mapping[str, object]:
            worker.process(at_try(delivery, 2), count_bytes)
            ends.append(cloud.record())
            return count_bytes(job)

        worker.process(delivery, during)
        assert ends == [cloud.record()]
        assert cloud.status() == "completed"
