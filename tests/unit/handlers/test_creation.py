"""The rules behind POST /uploads, over a real table; test_create_upload.py goes through the Lambda's front door."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from handlers.aws.client import AwsError
from handlers.domain.errors import InvalidRequest, QuotaExceeded
from handlers.storage.upload_store import UploadStore
from tests.support.aws.moto_cloud import CREATED, OWNER, REF, TABLE, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.create_uploads import BODY, IN_PARTS, RULES, Api, Stammering, ref_of

URL_LIFETIME = timedelta(minutes=15)


def deleted_at(cloud: Cloud, api: Api, retention_days: int, body: dict[str, Any]) -> datetime:
    api.rules = RULES._replace(record_retention_days=retention_days)
    api.create(body)
    record = cloud.record(ref_of(1))
    assert record
    return datetime.fromtimestamp(int(record["delete_at"]), UTC)


class TestTheRecord:
    def test_it_stands_in_the_table_as_every_reader_expects_it(self, cloud: Cloud, api: Api) -> None:
        api.create()
        assert cloud.record(ref_of(1)) == {
            "owner": OWNER,
            "upload_id": ref_of(1).upload_id,
            "status": "pending",
            "version": 1,
            "method": "put",
            "file_name": "Überweisung.pdf",
            "content_type": "application/pdf",
            "size_bytes": 26_214_400,
            "created_at": "2026-02-28T12:00:00.250Z",
            "updated_at": "2026-02-28T12:00:00.250Z",
            "expires_at": "2026-02-28T12:15:00.000Z",
            "place": 0,
            "open_shard": ref_of(1).open_shard,
            "delete_at": 1_774_872_000,
        }

    def test_numbers_are_numbers_and_the_rest_is_text(self, cloud: Cloud, api: Api) -> None:
        api.create()
        item, _place = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        types = {name: next(iter(value)) for name, value in item.items()}
        assert {name for name, kind in types.items() if kind == "N"} == {"version", "size_bytes", "place", "delete_at"}
        assert set(types.values()) == {"N", "S"}

    @pytest.mark.parametrize("days", [30, 3650])
    def test_it_is_deleted_when_its_retention_has_passed(self, cloud: Cloud, api: Api, days: int) -> None:
        assert deleted_at(cloud, api, days, BODY) == CREATED.replace(microsecond=0) + timedelta(days=days)

    @pytest.mark.parametrize("days", [1, 7, 14, 30])
    def test_it_outlives_its_parts_and_their_event_whatever_the_retention(
        self, cloud: Cloud, api: Api, days: int
    ) -> None:
        lifecycle_days, midnight, queue_days = 14, timedelta(days=1), 14
        last_event_ends = CREATED + timedelta(days=lifecycle_days + queue_days) + midnight

        assert deleted_at(cloud, api, days, IN_PARTS) >= last_event_ends.replace(microsecond=0)

    @pytest.mark.parametrize("days", [1, 7, 14, 30])
    def test_it_outlives_its_url_renewed_at_the_last_moment_and_the_objects_event(
        self, cloud: Cloud, api: Api, days: int
    ) -> None:
        claimed, queued = timedelta(days=1), timedelta(days=14)

        assert deleted_at(cloud, api, days, BODY) >= CREATED.replace(microsecond=0) + claimed + URL_LIFETIME + queued

    def test_times_are_utc_wherever_the_clock_is(self, cloud: Cloud, api: Api) -> None:
        api.create(now=datetime.fromisoformat("2026-03-01T01:30:00.250+13:30"))
        record = cloud.record(ref_of(1))
        assert record
        assert record["created_at"] == "2026-02-28T12:00:00.250Z"

    def test_it_holds_the_declared_checksum(self, cloud: Cloud, api: Api) -> None:
        checksum = {"algorithm": "crc32", "value": "AAAAAA=="}
        api.create({**BODY, "checksum": checksum})
        record = cloud.record(ref_of(1))
        assert record
        assert record["checksum"] == checksum

    def test_an_id_that_exists_already_gives_no_plan_and_keeps_its_record(self, cloud: Cloud, api: Api) -> None:
        api.create(upload_id=REF.upload_id)
        record = cloud.record()
        for body in (BODY, IN_PARTS):
            with pytest.raises(RuntimeError, match=f"{REF.upload_id} is the id of an upload already"):
                api.create({**body, "file_name": "other.pdf"}, upload_id=REF.upload_id)
        assert cloud.record() == record
        assert api.multipart.aborted == api.multipart.started != []

    def test_an_upload_whose_record_may_be_there_is_not_given_up(self, cloud: Cloud, api: Api) -> None:
        with Stubber(cloud.dynamodb) as stubber:
            stubber.add_response("put_item", {})  # the place
            stubber.add_client_error("put_item", "InternalServerError")
            with pytest.raises(AwsError, match="InternalServerError"):
                api.create(IN_PARTS)
        assert (api.multipart.started, api.multipart.aborted) == (["multipart-1"], [])

    @pytest.mark.parametrize("key", [None, "a-key"])
    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_a_record_that_was_written_though_its_answer_was_lost_is_its_own(
        self, cloud: Cloud, api: Api, body: dict[str, Any], key: str | None
    ) -> None:
        """The light client retries a call without an answer, and then finds its own write."""
        api.store = UploadStore(Stammering(cloud.dynamodb), TABLE)
        plan = api.create(body, key=key)
        assert plan["upload_id"] == ref_of(1).upload_id
        assert cloud.status(ref_of(1)) == "pending"
        assert api.multipart.aborted == []


class TestRefusal:
    @pytest.mark.parametrize(
        "body",
        [None, {}, {**BODY, "file_name": "a/b"}, {**BODY, "size_bytes": 0}, {**BODY, "owner": "somebody-else"}],
    )
    def test_nothing_is_written(self, cloud: Cloud, api: Api, body: object) -> None:
        with pytest.raises(InvalidRequest):
            api.create(body, key="a-key")
        assert cloud.count_records() == 0

    @each_case(
        "key",
        ["", " ", "a b", "é", "a\n", "x" * 256, "\x7f"],
    )
    def test_a_key_that_is_no_visible_ascii_is_named(self, cloud: Cloud, api: Api, key: str) -> None:
        with pytest.raises(InvalidRequest, match=r"^Idempotency-Key is .* but must be 1 to 255 visible ASCII"):
            api.create(key=key)
        assert cloud.count_records() == 0


class TestTheQuota:
    def test_a_file_that_is_too_large_is_refused_with_the_limit(self, cloud: Cloud, api: Api) -> None:
        api.rules = RULES._replace(max_upload_bytes=10)
        api.create({**BODY, "size_bytes": 10})
        with pytest.raises(QuotaExceeded, match=r"^size_bytes is 11, but your quota is 10 an upload\.$"):
            api.create({**BODY, "size_bytes": 11})
        assert cloud.count_records() == 1

    @pytest.mark.parametrize(
        "content_type",
        ["application/pdf", "Application/PDF", "application/pdf; v=1", "image/png", "IMAGE/x"],
    )
    def test_an_allowed_type_is_taken(self, api: Api, content_type: str) -> None:
        api.rules = RULES._replace(allowed_content_types=("application/pdf", "image/*"))
        assert api.create({**BODY, "content_type": content_type})["status"] == "pending"

    @each_case(
        "content_type",
        ["application/pdfx", "text/pdf", "imagex/png", "video/mp4", "a/image"],
    )
    def test_any_other_type_is_refused_with_those_that_are_allowed(self, api: Api, content_type: str) -> None:
        api.rules = RULES._replace(allowed_content_types=("application/pdf", "image/*"))
        sentence = f"content_type is {content_type}, but your quota allows only application/pdf, image/*."
        with pytest.raises(QuotaExceeded) as caught:
            api.create({**BODY, "content_type": content_type})
        assert str(caught.value) == sentence

    @pytest.mark.parametrize("content_type", ["image/svg+xml", "Image/SVG+xml; charset=utf-8"])
    def test_a_type_that_can_run_is_refused_under_a_wildcard_and_taken_by_name(
        self, api: Api, content_type: str
    ) -> None:
        api.rules = RULES._replace(allowed_content_types=("application/pdf", "image/*"))
        with pytest.raises(QuotaExceeded, match=r"allows only application/pdf, image/\*, and .* by name"):
            api.create({**BODY, "content_type": content_type})
        api.rules = RULES._replace(allowed_content_types=("image/svg+xml",))
        assert api.create({**BODY, "content_type": content_type})["status"] == "pending"

    def test_all_that_it_is_over_is_told_at_once(self, api: Api) -> None:
        api.rules = RULES._replace(max_upload_bytes=10, allowed_content_types=("image/*",))
        with pytest.raises(QuotaExceeded, match=r"size_bytes is .* content_type is "):
            api.create()
