"""The open uploads that an owner may have: each holds a numbered place, one item of the status table.

A place is a lease. It is free if its item does not exist or its `held_until` is over, and every change is a conditional
write, so that two uploads never hold the same place, however many requests come at once. There is no counter that could
become wrong: a place that a crash leaves behind lapses with its upload's time, or is taken over before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple
from zlib import crc32

from handlers.aws.client import AwsError
from handlers.aws.json_client import Calls
from handlers.domain.errors import QuotaExceeded
from handlers.domain.upload import Upload, needs_place
from handlers.domain.upload_ref import UploadRef
from handlers.storage.items import key_of, place_in, refused_item
from handlers.storage.table import PARTITION_KEY, PLACE_PREFIX, SORT_KEY, TTL_ATTRIBUTE

MOST_PLACES = 5_000
"""Per owner: all places must fit in one page of a Query, which is 1 MB. Source: DynamoDB guide, "Query" limits."""

PROBES = 3
"""Places that are tried before any are read. That is enough unless most of them are held."""

WINDOW = 256
"""Places that are read first, for 5 read units. All of 5,000 cost 90. Usually one of the first is free."""

CHECKED_HOLDERS = 5
"""Uploads that are read if no place is free, to find a place that a crash left behind."""

LONGEST_CREATION = timedelta(seconds=60)
"""From taking a place to writing the record: Lambda ends create_upload after 28 s. The rest is for wrong clocks."""


class _Holder(NamedTuple):
    """The upload that holds a place; times in epoch seconds."""

    upload_id: str
    until: int
    taken_at: int


class Places:
    """Gives out the places of owners, and takes them back; see upload.needs_place."""

    def __init__(self, database: Calls, table: str) -> None:
        self._database = database
        self._table = table

    def take(self, upload: Upload, now: datetime, *, limit: int) -> int:
        """Return the number of a place that the upload holds from now on, until its bytes can no longer arrive.

        The upload's own place is extended if it is below the limit. Raises QuotaExceeded if no place is free.
        """
        moment = int(now.timestamp())
        wanted = _Holder(upload.ref.upload_id, ceil(upload.open_until.timestamp()), moment)
        owner = upload.ref.owner
        # The same upload tries the same places: a request that is repeated, or sent twice at once, finds its place.
        probes = [crc32(f"{upload.ref.upload_id}/{probe}".encode()) % limit for probe in range(PROBES)]
        start = (probes[-1] + moment) % limit  # later requests look at other holders
        if upload.place is not None and upload.place < limit:
            probes.insert(0, upload.place)
        for number in dict.fromkeys(probes):
            if self._take(owner, number, wanted):
                return number
        held: dict[int, _Holder] = {}
        for window in _windows(probes[-1], limit):
            held = self._held(owner, moment, window)
            own = [number for number, holder in held.items() if holder.upload_id == wanted.upload_id]
            free = [number for number in window if number not in held]
            for number in (*own, *_from(start, free, limit)):
                if self._take(owner, number, wanted):
                    return number
        for number in _from(start, held, limit)[:CHECKED_HOLDERS]:
            left = held[number]
            if self._is_left_behind(owner, number, left, moment) and self._take(owner, number, wanted, after=left):
                return number
        raise QuotaExceeded(
            f"You have {limit} open uploads, which is your quota: complete some, abort uploads in parts, "
            "or wait until the URLs of the others expire."
        )

    def release(self, ref: UploadRef, number: int | None) -> None:
        """Free an upload's place, if it has one and still holds it. Repeating it changes nothing."""
        if number is None:
            return
        try:
            self._call(
                "UpdateItem",
                Key=_place_key(ref.owner, number),
                UpdateExpression="SET held_until = :over",
                ConditionExpression="held_by = :upload_id",
                ExpressionAttributeValues={":over": _number(0), ":upload_id": {"S": ref.upload_id}},
            )
        except AwsError as error:
            refused_item(error)  # another upload holds it, or none

    def _take(self, owner: str, number: int, wanted: _Holder, *, after: _Holder | None = None) -> bool:
        """Hold a place that is free or the upload's own, or that the holder `after` still holds since the same time."""
        is_free = f"attribute_not_exists({SORT_KEY}) OR held_until <= :now"
        condition = f"{is_free} OR (held_by = :me AND held_until <= :until)"
        values = {":now": _number(wanted.taken_at), ":me": {"S": wanted.upload_id}, ":until": _number(wanted.until)}
        if after:
            condition = "held_by = :before AND taken_at = :taken_at"
            values = {":before": {"S": after.upload_id}, ":taken_at": _number(after.taken_at)}
        try:
            self._call(
                "PutItem",
                Item={
                    **_place_key(owner, number),
                    "held_by": {"S": wanted.upload_id},
                    "held_until": _number(wanted.until),
                    "taken_at": _number(wanted.taken_at),
                    TTL_ATTRIBUTE: _number(wanted.until),
                },
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AwsError as error:
            item = refused_item(error)
            if item is None or item["held_by"]["S"] != wanted.upload_id:
                return False
            # Another request of this upload holds it longer; or this call did it, and its answer was lost.
            return self._take(owner, number, wanted._replace(until=int(item["held_until"]["N"])))
        return True

    def _held(self, owner: str, moment: int, window: range) -> dict[int, _Holder]:
        """Read which upload holds which place of a window. Changes of the last second may be missing.

        A consistent read would cost twice as much, 36 read units for 1,000 places, at each rejection. It is not needed,
        because a place is taken only by a conditional write. A place that was freed just before may be overlooked, and
        the request rejected; the next one finds it.
        """
        answer = self._call(
            "Query",
            KeyConditionExpression=f"#owner = :owner AND {SORT_KEY} BETWEEN :first AND :last",
            ExpressionAttributeNames={"#owner": PARTITION_KEY},
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":first": {"S": _sort_key(window[0])},
                ":last": {"S": _sort_key(window[-1])},
            },
            ProjectionExpression=f"{SORT_KEY}, held_by, held_until, taken_at",
            ConsistentRead=False,
        )
        found = {
            int(item[SORT_KEY]["S"].removeprefix(PLACE_PREFIX)): _Holder(
                item["held_by"]["S"], int(item["held_until"]["N"]), int(item["taken_at"]["N"])
            )
            for item in answer["Items"]
        }
        return {number: holder for number, holder in found.items() if holder.until > moment}

    def _is_left_behind(self, owner: str, number: int, holder: _Holder, moment: int) -> bool:
        """Return whether the holder's record does not need this place, or still does not name it after a minute."""
        answer = self._call(
            "GetItem",
            Key=key_of(UploadRef(owner, holder.upload_id)),
            ProjectionExpression="#status, #method, place",
            ExpressionAttributeNames={"#status": "status", "#method": "method"},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        if item is not None and not needs_place(item["status"]["S"], item["method"]["S"]):
            return True
        if item is not None and place_in(item) == number:
            return False
        return moment - holder.taken_at > LONGEST_CREATION.total_seconds()

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._database.call(operation, {"TableName": self._table, **parameters})


def _windows(probe: int, limit: int) -> list[range]:
    """Return the places to read one after another: those around a probe, then all."""
    first = probe - probe % WINDOW
    return list(dict.fromkeys([range(first, min(first + WINDOW, limit)), range(limit)]))


def _from(start: int, numbers: Iterable[int], limit: int) -> list[int]:
    """Order numbers from a start, so that concurrent requests do not all try the same one first."""
    return sorted(numbers, key=lambda number: (number - start) % limit)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _place_key(owner: str, number: int) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": owner}, SORT_KEY: {"S": _sort_key(number)}}


def _sort_key(number: int) -> str:
    return f"{PLACE_PREFIX}{number:04}"
