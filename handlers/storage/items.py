"""Uploads as items of the status table, in DynamoDB's own JSON. table.py has the table's layout.

An item has the fields that the type Upload declares (domain/fields.py), each as the attribute of its name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from handlers.aws.client import AwsError
from handlers.domain.declaration import UploadRequest
from handlers.domain.fields import NamedTupleType, all_fields, declared_fields
from handlers.domain.times import iso
from handlers.domain.upload import Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.table import OPEN_INDEX_PARTITION_KEY, PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE

Item = Mapping[str, Any]


def key_of(ref: UploadRef) -> dict[str, Any]:
    """Return the keys of an upload's item."""
    return {PARTITION_KEY: {"S": ref.owner}, SORT_KEY: {"S": ref.upload_id}}


def item_of(upload: Upload, *, delete_at: datetime) -> dict[str, Any]:
    """Return a new upload's item."""
    item = {field.name: attribute_of(value) for field in all_fields(Upload) if (value := field.of(upload)) is not None}
    item[OPEN_INDEX_PARTITION_KEY] = {"S": upload.ref.open_shard}
    item[TTL_ATTRIBUTE] = {"N": str(int(delete_at.timestamp()))}
    return item


def upload_in(item: Item) -> Upload:
    """Return the upload that an item holds."""
    return cast("Upload", _read(Upload, item))


def declared_in(item: Item) -> UploadRequest:
    """Return what the client declared."""
    return cast("UploadRequest", _read(UploadRequest, item))


def place_in(item: Item) -> int | None:
    """Return the number of the last place that the upload held; None if it held none."""
    return int(item["place"]["N"]) if "place" in item else None


def refused_item(error: AwsError) -> Item | None:
    """Return the item that failed a write's condition, None if there is none; raises any other error."""
    if error.code != "ConditionalCheckFailedException":
        raise error
    return error.body.get("Item")


def attribute_of(value: Any) -> dict[str, Any]:
    """Return a field's value as an attribute."""
    match value:
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case datetime():
            return {"S": iso(value)}
        case _:
            return {"M": {name: {"S": str(text)} for name, text in value._asdict().items()}}


def _read(shape: NamedTupleType, item: Item) -> tuple[Any, ...]:
    """Return the value of a NamedTuple type that an item holds."""
    values: dict[str, Any] = {}
    for field in declared_fields(shape):
        if not field.mark.is_group:
            if field.name in item:
                values[field.name] = _value(field.kind, item[field.name])
        elif not field.is_optional or all_fields(field.kind)[0].name in item:
            values[field.name] = _read(field.kind, item)
    return shape(**values)


def _value(kind: Any, attribute: Mapping[str, Any]) -> Any:
    if kind is int:
        return int(attribute["N"])
    if kind is datetime:
        return datetime.fromisoformat(attribute["S"])
    if issubclass(kind, str):
        return kind(attribute["S"])
    texts: Mapping[str, Mapping[str, str]] = attribute["M"]
    return kind(**{name: kind.__annotations__[name](text["S"]) for name, text in texts.items()})
