"""What the store does is the same over both adapters: boto3's on moto, the light one on the embedded AWS."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.json_client import DYNAMODB, AwsJson
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.plan import Method, Parts
from handlers.domain.upload import Multipart, Run, Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_store import UploadStore
from local.emulator.process import Emulator
from tests.support.aws.moto_cloud import CREATED, ENVIRONMENT, LATER, LATER_ISO, OWNER, REF, RESULTS, TABLE, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.status_transitions import BEFORE, HOLDER, LEASED_UNTIL, OTHER, REDRIVEN, STEPS, take

DECLARED = UploadRequest("report.pdf", "application/pdf", 5)
ALLOWED = {
    ("pending", "uploaded"),
    ("pending", "aborted"),
    ("uploaded", "processing by the holder"),
    ("uploaded", "processing by another run"),
    ("processing", "processing by the holder"),
    ("processing until now", "processing by the holder"),
    ("processing until now", "processing by another run"),
    ("processing of a release without leases, 15 minutes ago", "processing by the holder"),
    ("processing of a release without leases, 15 minutes ago", "processing by another run"),
    *(
        (before, "processing by a redrive")
        for before in (
            "uploaded",
            "processing until now",
            "processing of a release without leases, 15 minutes ago",
            "failed",
        )
    ),
    *(
        (before, f"{end} by the holder")
        for before in ("processing", "processing until now")
        for end in ("completed", "failed", "rejected")
    ),
}
"""All that may ever happen; every other pair changes nothing."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(params=["boto3", "light"])
def adapter(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def cloud(adapter: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    if adapter == "boto3":
        request.getfixturevalue("aws").reset()
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        yield Cloud()
        return
    emulator: Emulator = request.getfixturevalue("emulator")
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", emulator.operator.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", emulator.operator.secret_access_key)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    cloud = Cloud(emulator.client("dynamodb"))
    yield cloud
    cloud.dynamodb.delete_table(TableName=TABLE)


@pytest.fixture
def store(adapter: str, cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[UploadStore]:
    if adapter == "boto3":
        yield UploadStore(Boto3Json(cloud.dynamodb), TABLE)
        return
    emulator: Emulator = request.getfixturevalue("emulator")
    light = AwsJson(DYNAMODB, emulator.region)
    yield UploadStore(light, TABLE)
    light.close()


class TestEveryStepFromEveryState:
    @each_case(("before", "step"), sorted(ALLOWED))
    def test_an_allowed_step_sets_its_attributes_the_time_and_the_next_version(
        self, cloud: Cloud, store: UploadStore, before: str, step: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        assert STEPS[step].call(store, REF)
        expected = {**record, **STEPS[step].sets, "updated_at": LATER_ISO, "version": record["version"] + 1}
        if expected["status"] == "processing":
            expected["open_shard"] = REF.open_shard
            expected.pop("failure", None)
        if expected["status"] in {"completed", "failed", "rejected", "aborted"}:
            del expected["open_shard"]
            expected.pop("leased_until", None)
        assert cloud.record() == expected

    @each_case(("before", "step"), sorted(set(product(BEFORE, STEPS)) - ALLOWED))
    def test_any_other_step_changes_nothing_and_says_so(
        self, cloud: Cloud, store: UploadStore, before: str, step: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        assert not STEPS[step].call(store, REF)
        assert cloud.record() == record

    @each_case("step", STEPS)
    def test_a_step_of_an_upload_without_record_is_an_error_and_makes_none(
        self, cloud: Cloud, store: UploadStore, step: str
    ) -> None:
        sentence = re.escape(f"No record of upload {REF.upload_id} of owner {OWNER}.")
        with pytest.raises(UnknownUpload, match=f"^{sentence}$"):
            STEPS[step].call(store, REF)
        assert cloud.count_records() == 0

    @each_case("step", STEPS)
    def test_a_step_touches_no_other_upload(self, cloud: Cloud, store: UploadStore, step: str) -> None:
        others = [UploadRef("somebody-else", REF.upload_id), UploadRef(OWNER, "another")]
        records = [cloud.write_record(ref, **BEFORE["pending"]) for ref in others]
        with pytest.raises(UnknownUpload):
            STEPS[step].call(store, REF)
        assert [cloud.record(ref) for ref in others] == records


class TestProcessing:
    @each_case("before", ["uploaded", "processing until now"])
    def test_the_run_that_takes_the_upload_reads_what_was_declared(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        cloud.write_record(**BEFORE[before], file_name="名前.csv", content_type="text/csv", size_bytes=5 * 1024**3)
        assert take(store, REF, OTHER) == UploadRequest("名前.csv", "text/csv", 5_368_709_120)

    def test_of_two_runs_the_first_has_the_upload(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        assert take(store, REF, OTHER)
        assert take(store, REF, HOLDER) is None
        assert not store.record_completed(REF, LATER, run_id=HOLDER.run_id, result_bucket=RESULTS)
        assert store.record_completed(REF, LATER, run_id=OTHER.run_id, result_bucket=RESULTS)

    def test_a_run_whose_lease_was_taken_over_changes_nothing(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["processing until now"])
        assert take(store, REF, OTHER)
        record = cloud.record()
        assert not store.change_lease(REF, LATER, run_id=HOLDER.run_id)
        assert not store.record_failed(REF, LATER, run_id=HOLDER.run_id, code="c", detail="d")
        assert cloud.record() == record

    def test_a_repeated_call_finds_its_own_lease(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        assert take(store, REF, HOLDER) == take(store, REF, HOLDER)

    @each_case(
        "run",
        [
            REDRIVEN._replace(job_id="event-2"),
            REDRIVEN._replace(sent_at=CREATED),
            REDRIVEN._replace(sent_at=None),
            REDRIVEN._replace(grouped_at=CREATED),
            REDRIVEN._replace(grouped_at=LATER),
        ],
    )
    def test_a_failed_upload_is_not_taken_by_another_event_one_that_comes_again_or_a_message_sent_before(
        self, cloud: Cloud, store: UploadStore, run: Run
    ) -> None:
        record = cloud.write_record(**BEFORE["failed"])
        assert take(store, REF, run) is None
        assert cloud.record() == record

    def test_a_failed_upload_is_taken_by_a_redrive_of_an_event_that_came_before(
        self, cloud: Cloud, store: UploadStore
    ) -> None:
        cloud.write_record(**BEFORE["failed"])
        assert take(store, REF, REDRIVEN._replace(grouped_at=CREATED - timedelta(milliseconds=1)))

    def test_what_is_given_back_can_be_taken_at_once_by_any_run(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        assert take(store, REF, HOLDER)
        leased = cloud.record()
        assert store.change_lease(REF, LATER, run_id=HOLDER.run_id)
        assert leased
        assert cloud.record() == {**leased, "leased_until": LATER_ISO}
        assert take(store, REF, OTHER)

    @each_case("before", sorted(set(BEFORE) - {"processing", "processing until now"}))
    def test_nothing_else_can_be_given_back(self, cloud: Cloud, store: UploadStore, before: str) -> None:
        record = cloud.write_record(**BEFORE[before])
        assert not store.change_lease(REF, LATER, run_id=HOLDER.run_id)
        assert cloud.record() == record

    def test_a_lease_is_read_back(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        assert store.find(REF).leased_until is None
        take(store, REF, HOLDER)
        assert store.find(REF).leased_until == LEASED_UNTIL

    def test_each_run_raises_the_version(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record(**BEFORE["uploaded"])
        for version in (3, 4, 5):
            assert take(store, REF, HOLDER)
            store.change_lease(REF, LATER, run_id=HOLDER.run_id)
            record = cloud.record()
            assert record
            assert record["version"] == version


class TestOpenUploads:
    @pytest.mark.parametrize("step", ["completed by the holder", "failed by the holder", "rejected by the holder"])
    def test_an_upload_is_in_the_index_until_it_ends(self, cloud: Cloud, store: UploadStore, step: str) -> None:
        upload = Upload(REF, Status.PENDING, 1, DECLARED, Method.PUT, CREATED, CREATED, CREATED)
        store.record_pending(upload, delete_at=LATER)
        assert [item["updated_at"]["S"] for item in cloud.open_uploads()] == ["2026-02-28T12:00:00.250Z"]
        for name in ("uploaded", "processing by the holder"):
            STEPS[name].call(store, REF)
            assert [item["updated_at"]["S"] for item in cloud.open_uploads()] == [LATER_ISO]
        STEPS[step].call(store, REF)
        assert cloud.open_uploads() == []


class TestPending:
    @each_case("before", BEFORE)
    def test_an_upload_that_exists_in_any_state_is_never_overwritten(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        newer = UploadRequest("other.txt", "text/plain", 9)
        upload = Upload(REF, Status.PENDING, 1, newer, Method.PUT, LATER, LATER, LATER + timedelta(minutes=1))
        assert not store.record_pending(upload, delete_at=LATER)
        assert cloud.record() == record

    def test_the_same_id_of_another_owner_is_another_upload(self, cloud: Cloud, store: UploadStore) -> None:
        record = cloud.write_record()
        ref = UploadRef("somebody-else", REF.upload_id)
        store.record_pending(Upload(ref, Status.PENDING, 1, DECLARED, Method.PUT, LATER, LATER, LATER), delete_at=LATER)
        assert cloud.record() == record
        assert cloud.status(ref) == "pending"


class TestFind:
    def test_an_upload_in_parts_comes_back_as_it_was_recorded(self, store: UploadStore) -> None:
        declared = UploadRequest("名前.csv", "text/csv", 5 * 1024**3)
        multipart = Multipart("2~abc", Parts.of(declared.final_size_bytes).part_size_bytes)
        upload = Upload(REF, Status.PENDING, 1, declared, Method.MULTIPART, CREATED, LATER, LATER, multipart)
        store.record_pending(upload, delete_at=LATER)
        assert store.find(REF) == upload

    @each_case("before", sorted(set(BEFORE) - {"a state of a later release"}))
    def test_an_upload_in_one_put_comes_back_in_every_state(
        self, cloud: Cloud, store: UploadStore, before: str
    ) -> None:
        record = cloud.write_record(**BEFORE[before])
        found = store.find(REF)
        assert (found.status, found.version, found.multipart) == (record["status"], record["version"], None)
        for name in ("result", "failure", "rejection"):
            value = getattr(found, name)
            assert (value and value._asdict()) == record.get(name)
        assert found.created_at == CREATED

    def test_another_owners_upload_is_unknown(self, cloud: Cloud, store: UploadStore) -> None:
        cloud.write_record()
        with pytest.raises(UnknownUpload):
            store.find(UploadRef("somebody-else", REF.upload_id))
