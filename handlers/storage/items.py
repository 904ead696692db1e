"""Uploads as items of the status table, in DynamoDB's own JSON; table.py has the layout."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.aws.client import AwsError
from handlers.domain.declaration import Checksum, UploadRequest
from handlers.domain.plan import Method, Parts
from handlers.domain.upload import Multipart, Status, Upload, UploadRef, iso
from handlers.storage.table import PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE

Item = Mapping[str, Any]


def key_of(ref: UploadRef) -> dict[str, Any]:
    """The keys of an upload's item."""
    return {PARTITION_KEY: {"S": ref.owner}, SORT_KEY: {"S": ref.upload_id}}


def item_of(upload: Upload, *, delete_at: datetime) -> dict[str, Any]:
    """A new upload's item."""
    declared, multipart = upload.declared, upload.multipart
    item: dict[str, Any] = {
        **key_of(upload.ref),
        "method": {"S": upload.method},
        "status": {"S": upload.status},
        "version": {"N": str(upload.version)},
        "file_name": {"S": declared.file_name},
        "content_type": {"S": declared.content_type},
        "size_bytes": {"N": str(declared.size_bytes)},
        "created_at": {"S": iso(upload.created_at)},
        "updated_at": {"S": iso(upload.updated_at)},
        "expires_at": {"S": iso(upload.expires_at)},
        "open_shard": {"S": upload.ref.open_shard},
        TTL_ATTRIBUTE: {"N": str(int(delete_at.timestamp()))},
    }
    if declared.checksum:
        item["checksum"] = texts(algorithm=declared.checksum.algorithm, value=declared.checksum.value)
    if upload.place is not None:
        item["place"] = {"N": str(upload.place)}
    if multipart:
        item["multipart_id"] = {"S": multipart.multipart_id}
        item["part_size_bytes"] = {"N": str(multipart.parts.part_size_bytes)}
    return item


def upload_in(item: Item) -> Upload:
    """Read an item."""
    declared = declared_in(item)
    return Upload(
        ref=UploadRef(item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]),
        status=Status(item["status"]["S"]),
        version=int(item["version"]["N"]),
        declared=declared,
        method=Method(item["method"]["S"]),
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        updated_at=datetime.fromisoformat(item["updated_at"]["S"]),
        expires_at=datetime.fromisoformat(item["expires_at"]["S"]),
        multipart=Multipart(item["multipart_id"]["S"], Parts(declared.size_bytes, int(item["part_size_bytes"]["N"])))
        if "multipart_id" in item
        else None,
        place=place_in(item),
        object_version=item["object_version"]["S"] if "object_version" in item else None,
        leased_until=datetime.fromisoformat(item["leased_until"]["S"]) if "leased_until" in item else None,
        result=_texts_in(item, "result"),
        failure=_texts_in(item, "failure"),
        rejection=_texts_in(item, "rejection"),
    )


def declared_in(item: Item) -> UploadRequest:
    """Read what the client declared."""
    checksum = _texts_in(item, "checksum")
    return UploadRequest(
        item["file_name"]["S"],
        item["content_type"]["S"],
        int(item["size_bytes"]["N"]),
        checksum=Checksum.parse(checksum) if checksum else None,
    )


def place_in(item: Item) -> int | None:
    """Read the number of the place that the upload holds, or held."""
    return int(item["place"]["N"]) if "place" in item else None


def refused_item(error: AwsError) -> Item | None:
    """Return the item that a write's condition refused, None if there is none; raises any other error."""
    if error.code != "ConditionalCheckFailedException":
        raise error
    return error.body.get("Item")


def texts(**values: str) -> dict[str, Any]:
    """A map of texts."""
    return {"M": {name: {"S": value} for name, value in values.items()}}


def _texts_in(item: Item, name: str) -> dict[str, str] | None:
    return {key: value["S"] for key, value in item[name]["M"].items()} if name in item else None
