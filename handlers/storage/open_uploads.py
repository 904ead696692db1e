"""The uploads that are open for long: where the reconciler finds them, and what it remembers of each look at one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from handlers.aws.client import AwsError
from handlers.aws.json_client import Calls
from handlers.domain.times import iso
from handlers.domain.upload import Reconciled, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.items import attribute_of, key_of, refused_item
from handlers.storage.table import (
    OPEN_INDEX,
    OPEN_INDEX_PARTITION_KEY,
    OPEN_INDEX_SORT_KEY,
    PARTITION_KEY,
    SORT_KEY,
)


class OpenUploads:
    """Reads the index of open uploads. upload_store.py reads and writes their records otherwise."""

    def __init__(self, database: Calls, table: str) -> None:
        self._database = database
        self._table = table

    def unchanged_since(self, moment: datetime, *, shard: str) -> Iterator[UploadRef]:
        """Read the uploads of one shard with a status that is at least as old as `moment`, the oldest first."""
        query: dict[str, Any] = {
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": f"{OPEN_INDEX_PARTITION_KEY} = :shard AND {OPEN_INDEX_SORT_KEY} <= :moment",
            "ExpressionAttributeValues": {":shard": {"S": shard}, ":moment": {"S": iso(moment)}},
        }
        while True:
            answer = self._call("Query", query)
            for item in answer["Items"]:
                yield UploadRef(item[PARTITION_KEY]["S"], item[SORT_KEY]["S"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def record_look(self, upload: Upload, look: Reconciled) -> bool:
        """Remember a look at an upload; False if its record has changed since it was read, by another look as well.

        Version and time of the upload stay as they are.
        """
        values = {f":{name}": attribute_of(value) for name, value in look._asdict().items()}
        is_as_read = "#version = :version AND attribute_not_exists(reconciled_at)"
        if upload.reconciled:
            values[":before"] = attribute_of(upload.reconciled.reconciled_at)
            is_as_read = "#version = :version AND reconciled_at = :before"
        try:
            self._call(
                "UpdateItem",
                {
                    "Key": key_of(upload.ref),
                    "UpdateExpression": f"SET {', '.join(f'{name} = :{name}' for name in look._fields)}",
                    "ConditionExpression": is_as_read,
                    "ExpressionAttributeNames": {"#version": "version"},
                    "ExpressionAttributeValues": {**values, ":version": attribute_of(upload.version)},
                },
            )
        except AwsError as error:
            refused_item(error)
            return False
        return True

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._database.call(operation, {"TableName": self._table, **parameters})
