"""The same POST /uploads again: by its Idempotency-Key it is the same upload."""

from datetime import timedelta
from typing import Any

import pytest

from handlers.aws.client import AwsError
from handlers.domain.errors import KeyConflict, NotOpen, QuotaExceeded
from handlers.domain.upload import Status
from tests.support.aws.moto_cloud import CREATED, LATER, OWNER, TABLE, Cloud
from tests.support.handlers.create_uploads import BODY, IN_PARTS, RULES, Api, MultipartUploads, ref_of


class TestTheSameRequestAgain:
    @pytest.mark.parametrize("body", [BODY, {**BODY, "method": "post"}, IN_PARTS])
    def test_it_is_the_same_upload_with_a_fresh_signature(self, cloud: Cloud, api: Api, body: dict[str, Any]) -> None:
        first = api.create(body, key="a-key")
        records = cloud.count_records()
        again = api.create(body, key="a-key", now=LATER)
        assert again["upload_id"] == first["upload_id"]
        assert again["expires_at"] == "2026-02-28T12:15:07.000Z"
        assert again != first
        assert again.keys() == first.keys()
        assert cloud.count_records() == records
        assert api.multipart.started == (["multipart-1"] if body is IN_PARTS else [])
        assert api.multipart.aborted == []

    def test_the_record_knows_how_long_the_fresh_signature_lives(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key")
        api.create(key="a-key", now=LATER)
        record = cloud.record(ref_of(1))
        assert record
        assert record["expires_at"] == "2026-02-28T12:15:07.000Z"
        assert (record["version"], record["updated_at"]) == (1, "2026-02-28T12:00:00.250Z"), "it is no step"

    def test_it_is_no_further_upload_for_the_quota(self, api: Api) -> None:
        for count in range(3):
            api.create(key=f"key-{count}")
        assert api.create(key="key-0")["upload_id"] == ref_of(1).upload_id

    def test_with_another_body_it_is_a_conflict_and_nothing_changes(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key")
        before = cloud.record(ref_of(1))
        for body in ({**BODY, "size_bytes": 1}, {**BODY, "method": "put"}, IN_PARTS):
            with pytest.raises(KeyConflict, match="with another body"):
                api.create(body, key="a-key", now=LATER)
        assert cloud.record(ref_of(1)) == before

    def test_the_key_of_somebody_else_is_another_key(self, api: Api) -> None:
        first = api.create(key="a-key")
        assert api.create({**BODY, "size_bytes": 1}, key="a-key", owner="somebody-else") != first

    def test_after_a_day_the_key_stands_for_a_new_upload(self, api: Api) -> None:
        api.create(key="a-key")
        assert (
            api.create(key="a-key", now=CREATED + timedelta(hours=23, minutes=59))["upload_id"] == ref_of(1).upload_id
        )
        assert api.create(key="a-key", now=CREATED + timedelta(days=1))["upload_id"] == ref_of(3).upload_id

    @pytest.mark.parametrize("body", [BODY, {**BODY, "method": "post"}, IN_PARTS])
    @pytest.mark.parametrize("status", [each for each in Status if each is not Status.PENDING])
    def test_an_upload_that_is_no_longer_pending_gets_no_permission_but_its_state(
        self, cloud: Cloud, api: Api, body: dict[str, Any], status: Status
    ) -> None:
        api.create(body, key="a-key")
        cloud.write_record(ref_of(1), status=status)
        before = cloud.record(ref_of(1))
        for _ in range(3):
            with pytest.raises(NotOpen, match=rf"is {status}, and no longer pending") as caught:
                api.create(body, key="a-key", now=LATER)
            assert (caught.value.upload_id, caught.value.upload_status) == (ref_of(1).upload_id, status)
        assert cloud.record(ref_of(1)) == before

    def test_a_request_that_got_no_further_than_its_key_is_made_up_for(self, cloud: Cloud, api: Api) -> None:
        """The request that claimed the key was rejected or crashed. Its id is used again."""
        api.multipart.failing = True
        with pytest.raises(AwsError):
            api.create(IN_PARTS, key="a-key")
        api.multipart.failing = False
        assert api.create(IN_PARTS, key="a-key")["upload_id"] == ref_of(1).upload_id
        assert cloud.status(ref_of(1)) == "pending"

    def test_a_declaration_over_a_quota_that_was_lowered_is_refused_again(self, api: Api) -> None:
        api.create(key="a-key")
        api.rules = RULES._replace(max_upload_bytes=1)
        with pytest.raises(QuotaExceeded):
            api.create(key="a-key", now=LATER)

    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_of_two_at_once_the_second_finds_the_firsts_upload(self, api: Api, body: dict[str, Any]) -> None:
        """The other request records the upload between this one's look at it and its own record."""
        records, other = api.store.record_pending, Api(api.store, MultipartUploads("other-"))

        def overtaken(*arguments: Any, **more: Any) -> bool:
            api.store.record_pending = records
            other.create(body, key="a-key")
            return records(*arguments, **more)

        api.store.record_pending = overtaken
        assert api.create(body, key="a-key")["upload_id"] == ref_of(1).upload_id
        assert len(api.multipart.started) == (body is IN_PARTS)
        assert api.multipart.aborted == api.multipart.started
        assert other.multipart.aborted == []

    def test_keys_are_kept_for_a_day_and_are_no_uploads(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a secret perhaps".replace(" ", "-"))
        items = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        (claim,) = [item for item in items if item["upload_id"].get("S", "").startswith("idempotency#")]
        assert "secret" not in str(claim)
        assert claim["delete_at"] == {"N": str(int((CREATED + timedelta(days=1)).timestamp()))}
        uploads, after = api.store.list_newest(OWNER, limit=10, after=None)
        assert ([upload.ref for upload in uploads], after) == ([ref_of(1)], None)
