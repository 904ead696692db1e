import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.uploads.model import Multipart, Status, UnknownUpload, Upload, UploadRef, UploadRequest
from handlers.uploads.plan import Parts
from handlers.uploads.store import UploadStore
from tests.unit.handlers.cloud import CREATED, LATER, LATER_ISO, OWNER, REF, RESULTS, TABLE, Cloud

HOLDER, OTHER = "job-1", "job-2"
RESULT = {"bucket": RESULTS, "key": REF.result_key}
FAILURE = {"code": "unprocessable", "detail": "It is no picture."}
DECLARED = UploadRequest("report.pdf", "application/pdf", 5)
BEFORE: dict[str, dict[str, Any]] = {
    "pending": {"status": "pending", "version": 1},
    "uploaded": {"status": "uploaded", "version": 2},
    "processing": {"status": "processing", "version": 3, "job_id": HOLDER},
    "completed": {"status": "completed", "version": 4, "job_id": HOLDER, "result": RESULT},
    "failed": {"status": "failed", "version": 4, "job_id": HOLDER, "failure": {"code": "c", "detail": "Earlier."}},
    "aborted": {"status": "aborted", "version": 2},
    "a state of a later release": {"status": "quarantined", "version": 3, "job_id": HOLDER},
}
"""An upload's record in every state that it may be found in."""


@dataclass(frozen=True)
class Step:
    """One call of the store, and the attributes that it sets where it is allowed."""

    call: Callable[[UploadStore, UploadRef], object]
    sets: dict[str, Any]


STEPS = {
    "uploaded": Step(lambda store, ref: store.record_uploaded(ref, LATER), {"status": "uploaded"}),
    "processing by the holder": Step(
        lambda store, ref: store.record_processing(ref, LATER, job_id=HOLDER),
        {"status": "processing", "job_id": HOLDER},
    ),
    "processing by another job": Step(
        lambda store, ref: store.record_processing(ref, LATER, job_id=OTHER),
        {"status": "processing", "job_id": OTHER},
    ),
    "completed by the holder": Step(
        lambda store, ref: store.record_completed(ref, LATER, job_id=HOLDER, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "completed by another job": Step(
        lambda store, ref: store.record_completed(ref, LATER, job_id=OTHER, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "failed by the holder": Step(
        lambda store, ref: store.record_failed(ref, LATER, job_id=HOLDER, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "failed by another job": Step(
        lambda store, ref: store.record_failed(ref, LATER, job_id=OTHER, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "aborted": Step(lambda store, ref: store.record_aborted(ref, LATER), {"status": "aborted"}),
}
ALLOWED = {
    ("pending", "uploaded"),
    ("pending", "aborted"),
    ("uploaded", "processing by the holder"),
    ("uploaded", "processing by another job"),
    ("processing", "processing by the holder"),
    ("processing", "completed by the holder"),
    ("processing", "failed by the holder"),
}
"""All that may ever happen; every other pair changes nothing."""


class TestEveryStepFromEveryState:
    @pytest.mark.parametrize(("before", "step"), sorted(ALLOWED))
    def test_an_allowed_step_sets_its_attributes_the_time_and_the_next_version(
        self, cloud: Cloud, store: UploadStore, before: str, step: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        assert STEPS[step].call(store, REF)
        expected = {**record, **STEPS[step].sets, "updated_at": LATER_ISO, "version": record["version"] + 1}
        if expected["status"] in {"completed", "failed", "aborted"}:
            del expected["open_shard"]
        assert cloud.record() == expected

    @pytest.mark.parametrize(("before", "step"), sorted(set(product(BEFORE, STEPS)) - ALLOWED))
    def test_any_other_step_changes_nothing_and_says_so(
        self, cloud: Cloud, store: UploadStore, before: str, step: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        assert not STEPS[step].call(store, REF)
        assert cloud.record() == record

    @pytest.mark.parametrize("step", STEPS)
    def test_a_step_of_an_upload_without_record_is_an_error_and_makes_none(
        self, cloud: Cloud, store: UploadStore, step: str
    ) -> None:
        sentence = re.escape(f"No record of upload {REF.upload_id} of owner {OWNER}.")
        with pytest.raises(UnknownUpload, match=f"^{sentence}$"):
            STEPS[step].call(store, REF)
        assert cloud.count_records() == 0

    @pytest.mark.parametrize("step", STEPS)
    def test_a_step_touches_no_other_upload(self, cloud: Cloud, store: UploadStore, step: str) -> None:
        others = [UploadRef("somebody-else", REF.upload_id), UploadRef(OWNER, "another")]
        records = [cloud.write_record(ref, **BEFORE["pending"]) for ref in others]
        with pytest.raises(UnknownUpload):
            STEPS[step].call(store, REF)
        assert [cloud.record(ref) for ref in others] == records


class TestProcessing:
    @pytest.mark.parametrize("before", ["uploaded", "processing"])
    def test_the_job_that_has_the_upload_is_told_what_was_declared(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        cloud.write_record(**BEFORE[before], file_name="名前.csv", content_type="text/csv", size_bytes=5 * 1024**3)
        declared = store.record_processing(REF, LATER, job_id=HOLDER)
        assert declared == UploadRequest("名前.csv", "text/csv", 5_368_709_120)

    def test_of_two_jobs_the_first_has_the_upload(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        assert store.record_processing(REF, LATER, job_id=OTHER)
        assert store.record_processing(REF, LATER, job_id=HOLDER) is None
        assert not store.record_completed(REF, LATER, job_id=HOLDER, result_bucket=RESULTS)
        assert store.record_completed(REF, LATER, job_id=OTHER, result_bucket=RESULTS)

    def test_each_retry_of_a_job_raises_the_version(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        for version in (3, 4, 5):
            assert store.record_processing(REF, LATER, job_id=HOLDER)
            record = cloud.record()
            assert record
            assert record["version"] == version


class TestOpenUploads:
    @pytest.mark.parametrize("step", ["completed by the holder", "failed by the holder"])
    def test_an_upload_is_in_the_index_until_it_ends(self, cloud: Cloud, store: UploadStore, step: str) -> None:
        upload = Upload(REF, Status.PENDING, 1, DECLARED, CREATED, CREATED, CREATED)
        store.record_pending(upload, delete_at=LATER)
        assert [item["updated_at"]["S"] for item in cloud.open_uploads()] == ["2026-02-28T12:00:00.250Z"]
        for name in ("uploaded", "processing by the holder"):
            STEPS[name].call(store, REF)
            assert [item["updated_at"]["S"] for item in cloud.open_uploads()] == [LATER_ISO]
        STEPS[step].call(store, REF)
        assert cloud.open_uploads() == []


class TestPending:
    @pytest.mark.parametrize("before", BEFORE)
    def test_an_upload_that_exists_in_any_state_is_never_overwritten(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        newer = UploadRequest("other.txt", "text/plain", 9)
        upload = Upload(REF, Status.PENDING, 1, newer, LATER, LATER, LATER + timedelta(minutes=1))
        with pytest.raises(ClientError) as caught:
            store.record_pending(upload, delete_at=LATER)
        assert caught.value.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
        assert cloud.record() == record

    def test_the_same_id_of_another_owner_is_another_upload(self, cloud: Cloud, store: UploadStore) -> None:
        record = cloud.write_record()
        ref = UploadRef("somebody-else", REF.upload_id)
        store.record_pending(Upload(ref, Status.PENDING, 1, DECLARED, LATER, LATER, LATER), delete_at=LATER)
        assert cloud.record() == record
        assert cloud.status(ref) == "pending"


class TestFind:
    def test_an_upload_in_parts_comes_back_as_it_was_recorded(self, store: UploadStore) -> None:
        declared = UploadRequest("名前.csv", "text/csv", 5 * 1024**3)
        multipart = Multipart("2~abc", Parts.of(declared.size_bytes))
        upload = Upload(REF, Status.PENDING, 1, declared, CREATED, LATER, LATER, multipart)
        store.record_pending(upload, delete_at=LATER)
        assert store.find(REF) == upload

    @pytest.mark.parametrize("before", sorted(set(BEFORE) - {"a state of a later release"}))
    def test_an_upload_in_one_put_comes_back_in_every_state(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        found = store.find(REF)
        assert (found.status, found.version, found.multipart) == (record["status"], record["version"], None)
        assert (found.result, found.failure) == (record.get("result"), record.get("failure"))
        assert found.created_at == CREATED

    def test_what_was_written_a_moment_ago_is_read(self, cloud: Cloud, store: UploadStore) -> None:
        key = {"owner": {"S": OWNER}, "upload_id": {"S": REF.upload_id}}
        with Stubber(cloud.dynamodb) as stubber:
            stubber.add_response("get_item", {}, {"TableName": TABLE, "Key": key, "ConsistentRead": True})
            with pytest.raises(UnknownUpload):
                store.find(REF)

    def test_another_owners_upload_is_unknown(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record()
        with pytest.raises(UnknownUpload):
            store.find(UploadRef("somebody-else", REF.upload_id))


class TestFaults:
    @pytest.mark.parametrize(
        "code", ["ProvisionedThroughputExceededException", "ResourceNotFoundException", "AccessDeniedException"]
    )
    def test_any_other_refusal_of_dynamodb_comes_out_as_it_is(
        self, cloud: Cloud, store: UploadStore, code: str
    ) -> None:
        for step in STEPS.values():
            with Stubber(cloud.dynamodb) as stubber:
                stubber.add_client_error("update_item", code)
                with pytest.raises(ClientError) as caught:
                    step.call(store, REF)
            assert caught.value.response.get("Error", {}).get("Code") == code

    def test_a_table_that_does_not_exist_is_an_error(self, cloud: Cloud) -> None:
        elsewhere = UploadStore(cloud.dynamodb, f"{TABLE}-of-nobody")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            elsewhere.record_uploaded(REF, LATER)
