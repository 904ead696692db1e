"""The rules behind POST /uploads, over a real table; test_create_upload.py goes through the Lambda's front door."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from handlers.aws_boto3 import Boto3Json
from handlers.aws_client import AwsError
from handlers.aws_s3 import AwsS3
from handlers.uploads.creation import Creation, CreationRules
from handlers.uploads.errors import InvalidRequest, KeyConflict, NotOpen, QuotaExceeded
from handlers.uploads.model import UploadRef
from handlers.uploads.part_opening import PartOpening
from handlers.uploads.permission import Permission
from handlers.uploads.presign import Bucket, Credentials
from handlers.uploads.quota import Quota
from handlers.uploads.session_issuer import SessionIssuer
from handlers.uploads.store import UploadStore
from tests.unit.handlers.cloud import CREATED, LATER, OWNER, REF, TABLE, Cloud
from tests.unit.handlers.light_clients import KEY

BODY: dict[str, Any] = {"file_name": "Überweisung.pdf", "content_type": "application/pdf", "size_bytes": 26_214_400}
IN_PARTS = {**BODY, "method": "multipart"}
RULES = CreationRules(64 * 1024**2, 30)
QUOTA = Quota(5 * 1024**3, 3, ())


class Openings(AwsS3):
    """Stands in for S3, and notes what was opened and given up."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.opened: list[str] = []
        self.given_up: list[str] = []

    def create_multipart_upload(self, key: str, headers: Mapping[str, str]) -> str:  # noqa: ARG002
        self.opened.append(f"multipart-{self.name}{len(self.opened) + 1}")
        return self.opened[-1]

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:  # noqa: ARG002
        self.given_up.append(multipart_id)


class Stammering(Boto3Json):
    """Makes each call twice, and tells the second answer."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        super().call(operation, parameters)
        return super().call(operation, parameters)


class OneKey(Mapping[str, bytes]):
    """Stands in for the keys of the secret."""

    current = KEY

    def __getitem__(self, key_id: str) -> bytes:
        return {KEY.key_id: KEY.key}[key_id]

    def __iter__(self) -> Any:
        return iter([KEY.key_id])

    def __len__(self) -> int:
        return 1


@dataclass
class Api:
    """Declares uploads, each under an id of its own, counted from 1."""

    store: UploadStore
    openings: Openings = field(default_factory=Openings)
    quota: Quota = QUOTA
    rules: CreationRules = RULES
    kms_key_arn: str = ""
    declared: int = 0

    def create(
        self,
        body: object = BODY,
        *,
        key: str | None = None,
        now: datetime = CREATED,
        owner: str = OWNER,
        upload_id: str | None = None,
    ) -> dict[str, Any]:
        self.declared += 1
        permission = Permission(
            Bucket.at("ingest", "eu-central-1"),
            Credentials("AKIAEXAMPLE", "secret"),
            self.kms_key_arn,
            900,
            now,
        )
        issuer = SessionIssuer(OneKey(), 86_400)  # pyright: ignore[reportArgumentType] - its keys are no secret's
        creation = Creation(self.rules, self.quota, self.store, permission, lambda: opening, lambda: issuer)
        opening = PartOpening(self.openings)
        made = upload_id or ref_of(self.declared).upload_id
        return creation.create_upload(body, owner=owner, upload_id=made, idempotency_key=key, now=now)


def ref_of(count: int) -> UploadRef:
    return UploadRef(OWNER, f"01985c2e-5a00-7000-8000-{count:012}")


@pytest.fixture
def api(store: UploadStore) -> Api:
    return Api(store)


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
            "open_until": "2026-02-28T12:15:00.000Z",
            "open_shard": ref_of(1).open_shard,
            "delete_at": 1_774_872_000,
        }

    def test_numbers_are_numbers_and_the_rest_is_text(self, cloud: Cloud, api: Api) -> None:
        api.create()
        (item,) = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        types = {name: next(iter(value)) for name, value in item.items()}
        assert {name for name, kind in types.items() if kind == "N"} == {"version", "size_bytes", "delete_at"}
        assert set(types.values()) == {"N", "S"}

    @pytest.mark.parametrize("days", [1, 30, 3650])
    def test_it_is_deleted_when_its_retention_has_passed(self, cloud: Cloud, api: Api, days: int) -> None:
        api.rules = RULES._replace(record_retention_days=days)
        api.create()
        record = cloud.record(ref_of(1))
        assert record
        deleted_at = datetime.fromtimestamp(int(record["delete_at"]), UTC)
        assert deleted_at == CREATED.replace(microsecond=0) + timedelta(days=days)

    def test_times_are_utc_wherever_the_clock_is(self, cloud: Cloud, api: Api) -> None:
        api.create(now=datetime.fromisoformat("2026-03-01T01:30:00.250+13:30"))
        record = cloud.record(ref_of(1))
        assert record
        assert record["created_at"] == "2026-02-28T12:00:00.250Z"

    def test_parts_may_come_until_s3_gives_them_up(self, cloud: Cloud, api: Api) -> None:
        api.create(IN_PARTS)
        record = cloud.record(ref_of(1))
        assert record
        assert (record["expires_at"], record["open_until"]) == ("2026-02-28T12:15:00.000Z", "2026-03-14T12:00:00.250Z")

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
        assert api.openings.given_up == api.openings.opened != []

    def test_an_upload_whose_record_may_be_there_is_not_given_up(self, cloud: Cloud, api: Api) -> None:
        with Stubber(cloud.dynamodb) as stubber:
            stubber.add_response("query", {"Count": 0})
            stubber.add_client_error("put_item", "InternalServerError")
            with pytest.raises(AwsError, match="InternalServerError"):
                api.create(IN_PARTS)
        assert (api.openings.opened, api.openings.given_up) == (["multipart-1"], [])

    @pytest.mark.parametrize("key", [None, "a-key"])
    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_a_record_that_was_written_though_its_answer_was_lost_is_its_own(
        self, cloud: Cloud, api: Api, body: dict[str, Any], key: str | None
    ) -> None:
        """The light client tries a call again whose answer did not come, and then meets what it has written."""
        api.store = UploadStore(Stammering(cloud.dynamodb), TABLE)
        plan = api.create(body, key=key)
        assert plan["upload_id"] == ref_of(1).upload_id
        assert cloud.status(ref_of(1)) == "pending"
        assert api.openings.given_up == []


class TestRefusal:
    @pytest.mark.parametrize(
        "body",
        [None, {}, {**BODY, "file_name": "a/b"}, {**BODY, "size_bytes": 0}, {**BODY, "owner": "somebody-else"}],
    )
    def test_nothing_is_written(self, cloud: Cloud, api: Api, body: object) -> None:
        with pytest.raises(InvalidRequest):
            api.create(body, key="a-key")
        assert cloud.count_records() == 0

    @pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\n", "x" * 256, "\x7f"])
    def test_a_key_that_is_no_visible_ascii_is_named(self, cloud: Cloud, api: Api, key: str) -> None:
        with pytest.raises(InvalidRequest, match=r"^Idempotency-Key is .* but must be 1 to 255 visible ASCII"):
            api.create(key=key)
        assert cloud.count_records() == 0


class TestTheQuota:
    def test_a_file_that_is_too_large_is_refused_with_the_limit(self, cloud: Cloud, api: Api) -> None:
        api.quota = QUOTA._replace(max_upload_bytes=10)
        api.create({**BODY, "size_bytes": 10})
        with pytest.raises(QuotaExceeded, match=r"^size_bytes is 11, but your quota is 10 an upload\.$"):
            api.create({**BODY, "size_bytes": 11})
        assert cloud.count_records() == 1

    @pytest.mark.parametrize(
        "content_type", ["application/pdf", "Application/PDF", "application/pdf; v=1", "image/png", "IMAGE/x"]
    )
    def test_an_allowed_type_is_taken(self, api: Api, content_type: str) -> None:
        api.quota = QUOTA._replace(allowed_content_types=("application/pdf", "image/*"))
        assert api.create({**BODY, "content_type": content_type})["status"] == "pending"

    @pytest.mark.parametrize("content_type", ["application/pdfx", "text/pdf", "imagex/png", "video/mp4", "a/image"])
    def test_any_other_type_is_refused_with_those_that_are_allowed(self, api: Api, content_type: str) -> None:
        api.quota = QUOTA._replace(allowed_content_types=("application/pdf", "image/*"))
        sentence = f"content_type is {content_type}, but your quota allows only application/pdf, image/*."
        with pytest.raises(QuotaExceeded) as caught:
            api.create({**BODY, "content_type": content_type})
        assert str(caught.value) == sentence

    def test_all_that_it_is_over_is_told_at_once(self, api: Api) -> None:
        api.quota = Quota(10, 3, ("image/*",))
        with pytest.raises(QuotaExceeded, match=r"size_bytes is .* content_type is "):
            api.create()

    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_open_uploads_are_counted_for_each_owner(self, api: Api, body: dict[str, Any]) -> None:
        for _ in range(3):
            api.create(body)
        with pytest.raises(QuotaExceeded, match=r"^You have 3 open uploads, which is your quota"):
            api.create(body)
        assert api.create(body, owner="somebody-else")["status"] == "pending"
        assert len(api.openings.opened) == (4 if body is IN_PARTS else 0), "the refused one was never opened"

    def test_one_that_was_sent_or_aborted_is_no_longer_open(self, api: Api) -> None:
        for _ in range(3):
            api.create()
        api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        api.create()
        api.store.record_aborted(ref_of(2), LATER)
        api.create()
        with pytest.raises(QuotaExceeded):
            api.create()

    def test_one_that_can_be_sent_no_more_is_no_longer_open(self, api: Api) -> None:
        for body in (BODY, BODY, IN_PARTS):
            api.create(body)
        later = CREATED + timedelta(minutes=16)
        api.create(now=later)
        api.create(now=later)
        with pytest.raises(QuotaExceeded):
            api.create(now=later)

    def test_keys_that_are_sent_again_do_not_get_past_it(self, api: Api) -> None:
        """What has expired is counted no longer, and is again once its permission is renewed."""
        for count in range(3):
            api.create(key=f"old-{count}")
        later = CREATED + timedelta(minutes=16)
        for count in range(3):
            api.create(key=f"new-{count}", now=later)
        with pytest.raises(QuotaExceeded):
            api.create(key="old-0", now=later)
        assert api.create(key="new-0", now=later)["upload_id"] == ref_of(4).upload_id

    def test_the_keys_of_requests_are_not_counted(self, api: Api) -> None:
        for count in range(3):
            api.create(key=f"key-{count}")
        with pytest.raises(QuotaExceeded):
            api.create(key="another")


class TestTheSameRequestAgain:
    @pytest.mark.parametrize("body", [BODY, {**BODY, "method": "post"}, IN_PARTS])
    def test_it_is_the_same_upload_with_a_fresh_permission(self, cloud: Cloud, api: Api, body: dict[str, Any]) -> None:
        first = api.create(body, key="a-key")
        records = cloud.count_records()
        again = api.create(body, key="a-key", now=LATER)
        assert again["upload_id"] == first["upload_id"]
        assert again["expires_at"] == "2026-02-28T12:15:07.000Z"
        assert again != first
        assert again.keys() == first.keys()
        assert cloud.count_records() == records
        assert api.openings.opened == (["multipart-1"] if body is IN_PARTS else [])
        assert api.openings.given_up == []

    def test_the_record_knows_how_long_the_fresh_permission_lives(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a-key")
        api.create(key="a-key", now=LATER)
        record = cloud.record(ref_of(1))
        assert record
        assert (record["expires_at"], record["open_until"]) == ("2026-02-28T12:15:07.000Z",) * 2
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

    def test_an_upload_that_is_there_tells_how_far_it_is(self, api: Api) -> None:
        api.create(key="a-key")
        api.store.record_uploaded(ref_of(1), LATER, version_id="v1")
        again = api.create(key="a-key", now=LATER)
        assert (again["upload_id"], again["status"]) == (ref_of(1).upload_id, "uploaded")

    def test_an_upload_that_was_aborted_is_not_opened_again(self, api: Api) -> None:
        api.create(key="a-key")
        api.store.record_aborted(ref_of(1), LATER)
        with pytest.raises(NotOpen, match="send another key"):
            api.create(key="a-key", now=LATER)

    def test_a_request_that_got_no_further_than_its_key_is_made_up_for(self, cloud: Cloud, api: Api) -> None:
        """Whoever claimed the key was refused, or its process ended: the id that it had is taken up."""
        api.quota = QUOTA._replace(max_upload_bytes=1)
        with pytest.raises(QuotaExceeded):
            api.create(key="a-key")
        api.quota = QUOTA
        assert api.create(key="a-key")["upload_id"] == ref_of(1).upload_id
        assert cloud.status(ref_of(1)) == "pending"

    @pytest.mark.parametrize("body", [BODY, IN_PARTS])
    def test_of_two_at_once_the_second_finds_the_firsts_upload(self, api: Api, body: dict[str, Any]) -> None:
        """The other request records the upload between this one's look at it and its own record."""
        records, other = api.store.record_pending, Api(api.store, Openings("other-"))

        def overtaken(*arguments: Any, **more: Any) -> bool:
            api.store.record_pending = records
            other.create(body, key="a-key")
            return records(*arguments, **more)

        api.store.record_pending = overtaken
        assert api.create(body, key="a-key")["upload_id"] == ref_of(1).upload_id
        assert len(api.openings.opened) == (body is IN_PARTS)
        assert api.openings.given_up == api.openings.opened
        assert other.openings.given_up == []

    def test_keys_are_kept_for_a_day_and_are_no_uploads(self, cloud: Cloud, api: Api) -> None:
        api.create(key="a secret perhaps".replace(" ", "-"))
        items = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        (claim,) = [item for item in items if item["upload_id"].get("S", "").startswith("idempotency#")]
        assert "secret" not in str(claim)
        assert claim["delete_at"] == {"N": str(int((CREATED + timedelta(days=1)).timestamp()))}
        uploads, after = api.store.list_newest(OWNER, limit=10, after=None)
        assert ([upload.ref for upload in uploads], after) == ([ref_of(1)], None)
