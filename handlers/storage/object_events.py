"""What a message about an object says: S3's "Object Created" event, or GuardDuty's "... Object Scan Result"."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import unquote_plus

from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Scan
from handlers.domain.times import iso
from handlers.domain.upload_ref import UploadRef

if TYPE_CHECKING:
    from handlers.storage.objects import ObjectVersion


_GROUPED_AT = "grouped-at"
"""Beside EventBridge's own fields, and in their spelling."""


class ObjectEvent(NamedTuple):
    """An object was created, or has been scanned for malware."""

    event_id: str
    """The same for duplicates of the message and after a redrive. A replay from an archive has an id of its own.

    Otherwise an upload that has failed would take the replay for a redrive.
    """
    bucket: str
    key: str
    version_id: str
    scan: Scan | None = None
    """None where the event is of the object's creation."""
    grouped_at: datetime | None = None
    """When group_arrivals sent it on. A redrive keeps this time, but an event that comes twice has another one."""

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read a message; raises UnknownUpload for any other.

        A redrive can bring S3's own notification of one object, if group_arrivals could not send it on.
        """
        try:
            events = events_in(body)
        except ValueError as error:
            raise _unknown(error) from error
        return cls.of(events[0] if events else None)

    @classmethod
    def of(cls, event: Any) -> Self:
        """Read an event; raises UnknownUpload for any other."""
        try:
            event_id, detail = "/".join([event["id"], *_replay(event)]), event["detail"]
            grouped_at = datetime.fromisoformat(event[_GROUPED_AT]) if _GROUPED_AT in event else None
            if "s3ObjectDetails" in detail:
                scanned = detail["s3ObjectDetails"]
                place = _texts(scanned["bucketName"], scanned["objectKey"], scanned["versionId"])
                return cls(event_id, *place, Scan.from_details(detail["scanResultDetails"]), grouped_at)
            created = detail["object"]
            place = _texts(detail["bucket"]["name"], created["key"], created["version-id"])
            return cls(event_id, *place, grouped_at=grouped_at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unknown(error) from error

    @property
    def owner(self) -> str:
        """The owner of the upload; raises UnknownUpload for an object that is not an upload's."""
        return UploadRef.from_object_key(self.key).owner


def _texts(bucket: object, key: object, version_id: object) -> tuple[str, str, str]:
    if isinstance(bucket, str) and isinstance(key, str) and isinstance(version_id, str):
        return bucket, key, version_id
    raise TypeError("bucket, key and version must be texts")


def _unknown(error: Exception) -> UnknownUpload:
    return UnknownUpload(f"The message is no event of an object: {type(error).__name__}: {error}.")


def grouped(event: Mapping[str, Any], now: datetime) -> str:
    """Return a message with an event, and the time at which group_arrivals sends it on."""
    return json.dumps({**event, _GROUPED_AT: iso(now)})


def events_in(body: str) -> list[Any]:
    """Return what a message says: itself, or an event for each object of S3's own notification.

    S3 sends a test, with no object, when the notification is configured. A key is encoded as in a URL. There is no id,
    but the sequencer and the version are the same for a duplicate. Raises ValueError for what is no JSON.
    Source: S3 user guide, "Event message structure".
    """
    message = json.loads(body)
    try:
        if message.get("Event") == "s3:TestEvent":
            return []
        created = [(record["s3"]["bucket"]["name"], record["s3"]["object"]) for record in message["Records"]]
        return [
            _object_created(
                bucket,
                unquote_plus(each["key"]),
                each["versionId"],
                f"{each['sequencer']}-{each['versionId']}",
                "portage.group-arrivals",
            )
            for bucket, each in created
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        return [message]


def _replay(event: dict[str, Any]) -> list[str]:
    """Return the name of the replay, if EventBridge sent the event from an archive."""
    return [event["replay-name"]] if "replay-name" in event else []


def object_created(version: "ObjectVersion", event_id: str, source: str) -> str:
    """Return a message that is read as S3's "Object Created" event of this version."""
    return json.dumps(_object_created(*version, event_id, source))


def _object_created(bucket: str, key: str, version_id: str, event_id: str, source: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "source": source,
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": bucket},
            "object": {"key": key, "version-id": version_id},
        },
    }
