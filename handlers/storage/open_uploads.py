"""The uploads that are open for long: where the reconciler finds them, and what it remembers of each look at one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from handlers.aws.client import AwsError
from handlers.aws.json_client import Calls
from handlers.domain.times import iso
from handlers.domain.upload import Reconciled, Upload
from handlers.domain.upload_ref import OPEN_SHARDS, UploadRef
from handlers.storage.items import Item, attribute_of, key_of, refused_item
from handlers.storage.table import (
    OPEN_INDEX,
    OPEN_INDEX_PARTITION_KEY,
    OPEN_INDEX_SORT_KEY,
    PARTITION_KEY,
    RECONCILER,
    SORT_KEY,
)

_REACHED = {PARTITION_KEY: {"S": RECONCILER}, SORT_KEY: {"S": "reached"}}


class Position(NamedTuple):
    """An upload's place in the index, which stays a place to go on from when the upload has ended."""

    ref: UploadRef
    updated_at: str
    """As the index has it."""


class OpenUploads:
    """Reads the index of open uploads. upload_store.py reads and writes their records otherwise."""

    def __init__(self, database: Calls, table: str) -> None:
        self._database = database
        self._table = table

    def unchanged_since(self, moment: datetime, *, first_shard: int, after: Position | None) -> Iterator[Position]:
        """Read the uploads with a status that is at least as old as `moment`, shard by shard, the oldest first.

        Begins after a position, and ends there. Without one, begins with the first shard.
        """
        last = iso(moment)
        if after and after.updated_at > last:
            after = None  # the moment is earlier than that of the run before, and a Query would be refused
        first = int(after.ref.open_shard) if after else first_shard
        yield from self._in_shard(first, last, after)
        for number in range(1, OPEN_SHARDS):
            yield from self._in_shard((first + number) % OPEN_SHARDS, last, None)
        if after:
            yield from self._in_shard(first, after.updated_at, None)

    def _in_shard(self, shard: int, last: str, after: Position | None) -> Iterator[Position]:
        query: dict[str, Any] = {
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": f"{OPEN_INDEX_PARTITION_KEY} = :shard AND {OPEN_INDEX_SORT_KEY} <= :last",
            "ExpressionAttributeValues": {":shard": {"S": str(shard)}, ":last": {"S": last}},
        }
        if after:
            keys = {OPEN_INDEX_PARTITION_KEY: {"S": str(shard)}, OPEN_INDEX_SORT_KEY: {"S": after.updated_at}}
            query["ExclusiveStartKey"] = {**keys, **key_of(after.ref)}
        while True:
            answer = self._call("Query", query)
            yield from map(_position_in, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def reached(self) -> Position | None:
        """Return where the last run stopped, or None if it read all."""
        answer = self._call("GetItem", {"Key": _REACHED, "ConsistentRead": True})
        item = answer.get("Item", {})
        return _position_in(item["reached"]["M"]) if "reached" in item else None

    def record_reached(self, position: Position | None) -> None:
        """Remember where a run stopped."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE reached"}
        if position:
            reached = {**key_of(position.ref), OPEN_INDEX_SORT_KEY: {"S": position.updated_at}}
            change = {"UpdateExpression": "SET reached = :it", "ExpressionAttributeValues": {":it": {"M": reached}}}
        self._call("UpdateItem", {"Key": _REACHED, **change})

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


def _position_in(item: Item) -> Position:
    return Position(UploadRef(item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]), item[OPEN_INDEX_SORT_KEY]["S"])
