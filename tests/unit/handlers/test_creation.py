import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.uploads.creation import Creation, CreationRules
from handlers.uploads.model import InvalidRequest
from handlers.uploads.store import UploadStore
from tests.unit.handlers.cloud import CREATED, OWNER, REF, TABLE, Cloud

BODY: dict[str, Any] = {"file_name": "Überweisung.pdf", "content_type": "application/pdf", "size_bytes": 26_214_400}
RULES = CreationRules(5 * 1024**3, 64 * 1024**2, 900, 30)


@dataclass
class Signer:
    """Stands in for the presigner, and notes what it was asked for and what the table held then."""

    cloud: Cloud
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    seen: list[dict[str, Any] | None] = field(default_factory=list[dict[str, Any] | None])

    def __call__(self, key: str, headers: dict[str, str]) -> str:
        self.asked.append((key, dict(headers)))
        self.seen.append(self.cloud.record())
        return f"https://signed.example/{key}"


@pytest.fixture
def signer(cloud: Cloud) -> Signer:
    return Signer(cloud)


def create(
    store: UploadStore, signer: Signer, body: object = BODY, *, now: datetime = CREATED, rules: CreationRules = RULES
) -> dict[str, Any]:
    creation = Creation(rules, store, signer, part_store=_not_needed, session_issuer=_not_needed)
    return creation.create_upload(body, owner=OWNER, upload_id=REF.upload_id, now=now)


def _not_needed() -> NoReturn:
    raise AssertionError("A PUT needs neither.")


class TestTheRecord:
    def test_it_stands_in_the_table_as_every_reader_expects_it(
        self, cloud: Cloud, store: UploadStore, signer: Signer
    ) -> None:
        create(store, signer)
        assert cloud.record() == {
            "owner": OWNER,
            "upload_id": REF.upload_id,
            "status": "pending",
            "version": 1,
            "method": "put",
            "file_name": "Überweisung.pdf",
            "content_type": "application/pdf",
            "size_bytes": 26_214_400,
            "created_at": "2026-02-28T12:00:00.250Z",
            "updated_at": "2026-02-28T12:00:00.250Z",
            "expires_at": "2026-02-28T12:15:00.000Z",
            "open_shard": REF.open_shard,
            "delete_at": 1_774_872_000,
        }

    def test_numbers_are_numbers_and_the_rest_is_text(self, cloud: Cloud, store: UploadStore, signer: Signer) -> None:
        create(store, signer)
        (item,) = cloud.dynamodb.scan(TableName=TABLE)["Items"]
        types = {name: next(iter(value)) for name, value in item.items()}
        assert {name for name, kind in types.items() if kind == "N"} == {"version", "size_bytes", "delete_at"}
        assert set(types.values()) == {"N", "S"}

    @pytest.mark.parametrize("days", [1, 30, 3650])
    def test_it_is_deleted_when_its_retention_has_passed(
        self, cloud: Cloud, store: UploadStore, signer: Signer, days: int
    ) -> None:
        create(store, signer, rules=replace(RULES, record_retention_days=days))
        record = cloud.record()
        assert record
        deleted_at = datetime.fromtimestamp(int(record["delete_at"]), UTC)
        assert deleted_at == CREATED.replace(microsecond=0) + timedelta(days=days)

    def test_times_are_utc_wherever_the_clock_is(self, cloud: Cloud, store: UploadStore, signer: Signer) -> None:
        local = datetime.fromisoformat("2026-03-01T01:30:00.250+13:30")
        create(store, signer, now=local)
        record = cloud.record()
        assert record
        assert record["created_at"] == "2026-02-28T12:00:00.250Z"


class TestThePlan:
    def test_it_tells_all_that_a_client_needs_to_send_the_bytes(self, store: UploadStore, signer: Signer) -> None:
        assert create(store, signer) == {
            "upload_id": REF.upload_id,
            "status": "pending",
            "method": "put",
            "url": f"https://signed.example/uploads/{OWNER}/{REF.upload_id}",
            "headers": {"Content-Length": "26214400", "Content-Type": "application/pdf", "If-None-Match": "*"},
            "expires_at": "2026-02-28T12:15:00.000Z",
            "expires_in_seconds": 900,
        }

    def test_the_headers_to_send_are_those_that_are_signed(self, store: UploadStore, signer: Signer) -> None:
        plan = create(store, signer)
        assert signer.asked == [(REF.object_key, plan["headers"])]

    def test_no_part_of_the_file_name_is_in_the_key(self, store: UploadStore, signer: Signer) -> None:
        create(store, signer, {**BODY, "file_name": "..secret-name.."})
        ((key, _headers),) = signer.asked
        assert key == REF.object_key


class TestOrder:
    def test_the_record_is_written_before_a_url_exists(self, store: UploadStore, signer: Signer) -> None:
        create(store, signer)
        (seen,) = signer.seen
        assert seen
        assert seen["status"] == "pending"

    def test_a_table_that_fails_gives_no_url(self, cloud: Cloud, store: UploadStore, signer: Signer) -> None:
        with Stubber(cloud.dynamodb) as stubber:
            stubber.add_client_error("put_item", "InternalServerError")
            with pytest.raises(ClientError, match="InternalServerError"):
                create(store, signer)
        assert signer.asked == []

    def test_an_id_that_exists_already_gives_no_url_and_keeps_its_record(
        self, cloud: Cloud, store: UploadStore, signer: Signer
    ) -> None:
        create(store, signer)
        record = cloud.record()
        with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
            create(store, signer, {**BODY, "file_name": "other.pdf"})
        assert cloud.record() == record
        assert len(signer.asked) == 1


class TestRefusal:
    @pytest.mark.parametrize(
        "body",
        [None, {}, {**BODY, "file_name": "a/b"}, {**BODY, "size_bytes": 0}, {**BODY, "owner": "somebody-else"}],
    )
    def test_nothing_is_written_nor_signed(
        self, cloud: Cloud, store: UploadStore, signer: Signer, body: object
    ) -> None:
        with pytest.raises(InvalidRequest):
            create(store, signer, body)
        assert cloud.count_records() == 0
        assert signer.asked == []

    @pytest.mark.parametrize(("size_bytes", "taken"), [(1, True), (10, True), (11, False)])
    def test_the_size_is_held_against_the_teams_own_limit(
        self, cloud: Cloud, store: UploadStore, signer: Signer, size_bytes: int, taken: bool
    ) -> None:
        rules = replace(RULES, max_upload_bytes=10)
        body = {**BODY, "size_bytes": size_bytes}
        if taken:
            assert create(store, signer, body, rules=rules)["headers"]["Content-Length"] == str(size_bytes)
        else:
            with pytest.raises(
                InvalidRequest, match=re.escape("size_bytes is 11, but must be a whole number from 1 to 10.")
            ):
                create(store, signer, body, rules=rules)
        assert cloud.count_records() == int(taken)
