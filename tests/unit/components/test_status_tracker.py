"""The status table keeps every upload's state, and can be neither lost nor read by the wrong one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi_aws as aws
import pytest

from handlers.domain.declaration import UploadRequest
from handlers.domain.plan import Method
from handlers.domain.upload import Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_store import UploadStore
from tests.support.components.examples import KMS_KEY_ARN, NAME, STATUS_TRACKER
from tests.support.components.recording import Recording, arn_of, physical, record

TABLE = f"{NAME}-uploads"


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        tracker = STATUS_TRACKER.make(**args)
        return {each: getattr(tracker, each) for each in ("table_name", "table_arn", "stream_arn")}

    return record(program)


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return recorded().inputs(aws.dynamodb.Table)


@pytest.fixture(scope="module")
def new_item() -> dict[str, Any]:
    """What the handlers write for a new upload."""
    written: dict[str, Any] = {}

    class Database:
        def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            assert operation == "PutItem"
            written.update(parameters["Item"])
            return {}

    moment = datetime(2026, 1, 1, tzinfo=UTC)
    upload = Upload(
        UploadRef("owner", "id"),
        Status.PENDING,
        1,
        UploadRequest("a.txt", "text/plain", 1),
        Method.PUT,
        moment,
        moment,
        moment,
    )
    UploadStore(Database(), TABLE).record_pending(upload, delete_at=moment)
    return written


class TestTheTableCanBeRestored:
    @pytest.mark.parametrize(("args", "days"), [({}, 35), ({"recovery_days": 7}, 7)])
    def test_to_any_second_of_the_days_asked_for(self, args: dict[str, int], days: int) -> None:
        table = recorded(**args).inputs(aws.dynamodb.Table)

        assert table["pointInTimeRecovery"] == {"enabled": True, "recoveryPeriodInDays": days}

    @pytest.mark.parametrize(("args", "protected"), [({}, True), ({"deletion_protection": False}, False)])
    def test_and_refuses_to_be_deleted_unless_told_otherwise(self, args: dict[str, bool], *, protected: bool) -> None:
        assert recorded(**args).inputs(aws.dynamodb.Table)["deletionProtectionEnabled"] is protected


class TestTheTableIsEncrypted:
    def test_with_amazons_key_by_default(self, table: dict[str, Any]) -> None:
        assert table["serverSideEncryption"] == {"enabled": True}

    def test_with_the_customers_key_where_there_is_one(self) -> None:
        table = recorded(kms_key_arn=KMS_KEY_ARN).inputs(aws.dynamodb.Table)

        assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KMS_KEY_ARN}


class TestTheTableCostsWhatIsUsed:
    def test_it_is_paid_by_request(self, table: dict[str, Any]) -> None:
        assert table["billingMode"] == "PAY_PER_REQUEST"
        assert not table.keys() & {"readCapacity", "writeCapacity"}

    def test_records_are_deleted_by_the_attribute_that_handlers_write(
        self, table: dict[str, Any], new_item: dict[str, Any]
    ) -> None:
        assert table["ttl"] == {"enabled": True, "attributeName": "delete_at"}
        assert "N" in new_item["delete_at"]

    def test_its_only_index_holds_open_uploads_for_the_reconciler(self, table: dict[str, Any]) -> None:
        assert table["globalSecondaryIndexes"] == [
            {
                "name": "open-uploads",
                "keySchemas": [
                    {"attributeName": "open_shard", "keyType": "HASH"},
                    {"attributeName": "updated_at", "keyType": "RANGE"},
                ],
                "projectionType": "INCLUDE",
                "nonKeyAttributes": ["status", "expires_at"],
            },
        ]


class TestTheTableFitsWhatHandlersWrite:
    def test_an_owners_uploads_are_one_partition(self, table: dict[str, Any]) -> None:
        assert (table["hashKey"], table["rangeKey"]) == ("owner", "upload_id")

    def test_every_key_is_declared_and_nothing_else(self, table: dict[str, Any]) -> None:
        keys = {"owner", "upload_id", "open_shard", "updated_at"}

        assert {each["name"]: each["type"] for each in table["attributes"]} == dict.fromkeys(keys, "S")

    def test_a_new_record_has_every_key_in_its_type(self, table: dict[str, Any], new_item: dict[str, Any]) -> None:
        for attribute in table["attributes"]:
            assert list(new_item[attribute["name"]]) == [attribute["type"]]

    def test_the_index_projects_what_a_record_has(self, table: dict[str, Any], new_item: dict[str, Any]) -> None:
        assert set(table["globalSecondaryIndexes"][0]["nonKeyAttributes"]) <= new_item.keys()

    def test_its_changes_are_streamed_with_the_old_and_the_new_record(self, table: dict[str, Any]) -> None:
        assert (table["streamEnabled"], table["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")


def test_its_name_arn_and_stream_come_out() -> None:
    arn = arn_of(aws.dynamodb.Table, TABLE)

    assert recorded().outputs == {"table_name": physical(TABLE), "table_arn": arn, "stream_arn": f"{arn}/stream"}
