"""The use case behind the queue with errors of the processor, its result or the object."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Scan, ScanResult
from handlers.domain.upload_ref import UploadRef
from handlers.processors import Job, Processor, Unprocessable
from handlers.storage.job_queue import Delivery
from tests.support.aws.moto_cloud import INGEST, OWNER, QUARANTINE, Cloud
from tests.support.handlers.deliveries import (
    MAX_ATTEMPTS,
    Worker,
    at_try,
    count_bytes,
    failed_try,
    never,
    raise_secret,
    refuse,
)


class TestRaisingProcessor:
    def test_the_upload_stays_open_for_the_next_try_and_the_queue_learns_of_it(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        for attempt in range(1, MAX_ATTEMPTS):
            with failed_try(LookupError):
                worker.process(at_try(delivery, attempt), raise_secret)
            record = cloud.record()
            assert record
            assert record["status"] == "processing"
            assert "failure" not in record
        assert [job.attempt for job in worker.jobs] == [1, 2]
        assert cloud.results() == {}

    def test_the_next_try_can_complete_it(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        with failed_try(LookupError):
            worker.process(delivery, raise_secret)
        worker.process(at_try(delivery, MAX_ATTEMPTS), count_bytes)
        record = cloud.record()
        assert record
        assert record["status"] == "completed"
        assert "failure" not in record
        assert cloud.result() == {"counted": 5}

    @pytest.mark.parametrize("attempt", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
    def test_the_last_try_ends_in_failed_with_a_sentence_that_keeps_the_cause_to_itself(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int
    ) -> None:
        with failed_try(LookupError):
            worker.process(at_try(delivery, attempt), raise_secret)
        record = cloud.record()
        assert record
        assert record["status"] == "failed"
        assert record["failure"] == {
            "code": "processing-failed",
            "detail": f"Processing ended in LookupError at the last of {attempt} tries.",
        }
        assert "hunter2" not in str(record)
        assert cloud.open_uploads() == []

    def test_a_processor_that_cannot_be_loaded_is_tried_again_and_at_last_failed(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        def load(_declared: UploadRequest) -> Processor:
            raise ModuleNotFoundError("No module named 'of_nobody'")

        for attempt, status in ((1, "processing"), (2, "processing"), (3, "failed")):
            with failed_try(ModuleNotFoundError):
                worker.process(at_try(delivery, attempt), never, load_processor=load)
            assert cloud.status() == status

    @pytest.mark.parametrize("result", [{"a": b"bytes"}, {"a": object()}, {1, 2}])
    def test_a_result_that_is_not_json_is_a_failed_try(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, result: Any
    ) -> None:
        for attempt, status in ((1, "processing"), (3, "failed")):
            with failed_try(TypeError):
                worker.process(at_try(delivery, attempt), lambda _job: result)
            assert cloud.status() == status
        assert cloud.results() == {}

    @pytest.mark.parametrize(("attempt", "status"), [(1, "processing"), (MAX_ATTEMPTS, "failed")])
    def test_a_completion_that_the_table_refuses_is_a_failed_try(
        self,
        worker: Worker,
        delivery: Delivery,
        monkeypatch: pytest.MonkeyPatch,
        attempt: int,
        status: str,
    ) -> None:
        def refuse_completion(*_args: object, **_attributes: object) -> bool:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")

        monkeypatch.setattr(worker.store, "record_completed", refuse_completion)
        with failed_try(ClientError):
            worker.process(at_try(delivery, attempt), count_bytes)
        assert worker.cloud.status() == status


class TestUnprocessable:
    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_the_upload_fails_at_once_with_the_processors_sentence_and_is_not_tried_again(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int
    ) -> None:
        worker.process(at_try(delivery, attempt), refuse)
        record = cloud.record()
        assert record
        assert (record["status"], record["version"]) == ("failed", 4)
        assert record["failure"] == {"code": "unprocessable", "detail": "It is no picture."}
        assert "result" not in record
        assert cloud.results() == {}

    def test_a_sentence_longer_than_a_record_may_be_ends_the_upload_too(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        def refuse_at_length(_job: Job) -> Mapping[str, object]:
            raise Unprocessable("no " * 200_000)

        worker.process(delivery, refuse_at_length)
        record = cloud.record()
        assert record
        assert record["failure"] == {"code": "unprocessable", "detail": ("no " * 400)[:1000]}

    def test_a_sentence_with_half_a_surrogate_pair_is_stored_without_it(
        self, cloud: Cloud, worker: Worker, delivery: Delivery
    ) -> None:
        def refuse_oddly(_job: Job) -> Mapping[str, object]:
            raise Unprocessable("No file \ud800 in it.")

        worker.process(delivery, refuse_oddly)
        record = cloud.record()
        assert record
        assert record["failure"]["detail"] == "No file ? in it."


class TestUnknown:
    def test_an_object_without_a_record_is_an_error(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        stranger = UploadRef(OWNER, "of-nobody")
        with pytest.raises(UnknownUpload, match="No record of upload of-nobody"):
            worker.process(replace(delivery, key=stranger.object_key), never)
        assert cloud.record(stranger) is None
        assert cloud.status() == "pending"

    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    @pytest.mark.parametrize("key", ["", "uploads/", f"results/{OWNER}/x.json", f"uploads/{OWNER}/a/b"])
    def test_a_key_of_another_form_is_an_error(
        self, worker: Worker, delivery: Delivery, key: str, attempt: int
    ) -> None:
        with pytest.raises(UnknownUpload, match=re.escape(repr(key))):
            worker.process(at_try(replace(delivery, key=key), attempt), never)

    @pytest.mark.parametrize("scan", [None, *(Scan(result) for result in ScanResult)])
    @pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
    def test_an_event_of_another_bucket_changes_nothing(
        self, cloud: Cloud, worker: Worker, delivery: Delivery, attempt: int, scan: Scan | None
    ) -> None:
        record = cloud.record()
        foreign = replace(delivery, bucket="bucket-of-somebody", scan=scan)
        with pytest.raises(UnknownUpload, match="'bucket-of-somebody'"):
            worker.process(at_try(foreign, attempt), never)
        assert cloud.record() == record
        assert cloud.versions(QUARANTINE) == {}
        worker.process(delivery, count_bytes)
        assert cloud.status() == "completed"

    def test_an_object_that_is_gone_is_a_failed_try(self, cloud: Cloud, worker: Worker, delivery: Delivery) -> None:
        cloud.s3.delete_object(Bucket=INGEST, Key=delivery.key, VersionId=delivery.version_id)
        with failed_try(ClientError):
            worker.process(delivery, count_bytes)
        assert cloud.status() == "processing"
