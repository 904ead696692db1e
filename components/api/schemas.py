"""The schemas of the API's bodies, with the limits and fields that handlers/ declares."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.domain.declaration import (
    CONTENT_TYPE_PATTERN,
    FILE_NAME_PATTERN,
    MAX_CONTENT_TYPE_LENGTH,
    MAX_FILE_NAME_LENGTH,
    ChecksumAlgorithm,
)
from handlers.domain.fields import all_fields
from handlers.domain.plan import MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, Method
from handlers.domain.session import MAX_TOKEN_LENGTH
from handlers.domain.upload import Status, Upload

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_NUMBER = {"type": "integer"}


def schemas(methods: Sequence[Method]) -> dict[str, Any]:
    """Return all schemas by name, if uploads can be sent by these methods.

    API Gateway allows only letters and digits in a name.
    """
    method = _one_of(methods)
    status = _one_of(Status)
    part_number = {"type": "integer", "minimum": 1, "maximum": MAX_PARTS}
    created = {
        "upload_id": _TEXT,
        "status": status,
        "method": method,
        "expires_at": _MOMENT,
        "expires_in_seconds": _NUMBER,
    }
    session = {"session": _TEXT, "session_expires_at": _MOMENT}
    plan = {"part_size_bytes": _NUMBER, "part_count": _NUMBER}
    growing = {
        "part_sizes": {
            "type": "array",
            "items": _object({"first_part": part_number, "size_bytes": _NUMBER}),
            "description": "Only of an upload declared without size_bytes: the size of parts from first_part on, until "
            "the next item",
        },
        "max_size_bytes": {
            **_NUMBER,
            "description": "Only while size_bytes is not declared: the plan is of this size, and any part can be the "
            "last one",
        },
    }
    size = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_OBJECT_BYTES}
    algorithm = _one_of(ChecksumAlgorithm)
    checksum = _object({"algorithm": algorithm, "value": _TEXT}, additional=False)
    checked_by = {"checksum_algorithm": algorithm}
    texts = {"type": "object", "additionalProperties": _TEXT}
    part = _object({"part_number": part_number, "size_bytes": _NUMBER, "etag": _TEXT}, optional={"checksum": _TEXT})
    return {
        "CreateUploadRequest": _object(
            {
                "file_name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_FILE_NAME_LENGTH,
                    "pattern": FILE_NAME_PATTERN,
                },
                "content_type": {
                    "type": "string",
                    "maxLength": MAX_CONTENT_TYPE_LENGTH,
                    "pattern": CONTENT_TYPE_PATTERN,
                },
            },
            optional={
                "size_bytes": {
                    **size,
                    "description": "Required, except with the method multipart: then it can be declared at completion",
                },
                "method": method,
                "checksum": checksum,
            },
            additional=False,
        ),
        "CreatedUpload": _object(
            created,
            optional={"url": _TEXT, "headers": texts, "fields": texts, **plan, **growing, **checked_by, **session},
        ),
        "SignPartsRequest": _object(
            {
                "session": {"type": "string", "maxLength": MAX_TOKEN_LENGTH},
                "first_part": part_number,
                "last_part": part_number,
            },
            optional={
                "checksums": {"type": "array", "maxItems": MAX_PARTS, "items": _TEXT},
                "last_part_size_bytes": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 1,
                    "maximum": MAX_PART_BYTES,
                    "description": "The length of last_part, if an upload declared without size_bytes ends with it",
                },
            },
            additional=False,
        ),
        "SignedParts": _object(
            {
                "url_prefix": _TEXT,
                "url_suffix": _TEXT,
                "signatures": {"type": "array", "items": _TEXT},
                "first_part": part_number,
                "expires_at": _MOMENT,
            }
        ),
        "UploadedParts": _object(
            {**plan, "parts": {"type": "array", "items": part}, **session}, optional={**growing, **checked_by}
        ),
        "CompleteUploadRequest": _object(
            {},
            optional={
                "size_bytes": {**size, "description": "Required if the upload was declared without it"},
                "checksum": {
                    **checksum,
                    "description": "Of the whole file, if the upload was declared without size_bytes",
                },
            },
            additional=False,
        ),
        "Upload": _upload(),
        "UploadPage": _object({"uploads": {"type": "array", "items": ref("Upload")}}, optional={"next": _TEXT}),
        "ResultLink": _object({"url": _TEXT, "expires_at": _MOMENT}),
        "Problem": _object(
            {"type": _TEXT, "title": _TEXT, "status": _NUMBER, "detail": _TEXT, "request_id": _TEXT},
            optional={"upload_id": _TEXT, "upload_status": status},
        ),
    }


def ref(schema: str) -> dict[str, str]:
    """Refer to a schema by its name."""
    return {"$ref": f"#/components/schemas/{schema}"}


def _upload() -> dict[str, Any]:
    """Return the schema of an upload, from its declared fields."""
    public = [field for field in all_fields(Upload) if field.mark.is_public]
    properties = {field.name: {**_of_kind(field.kind), "description": field.mark.description} for field in public}
    optional = {field.name: properties.pop(field.name) for field in public if field.is_optional}
    return _object(properties, optional=optional)


def _of_kind(kind: Any) -> dict[str, Any]:
    if kind is int:
        return _NUMBER
    if kind is datetime:
        return _MOMENT
    if issubclass(kind, StrEnum):
        return _one_of(kind)
    return _TEXT if issubclass(kind, str) else _object(dict.fromkeys(kind._fields, _TEXT))


def _one_of(values: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": [str(each) for each in values]}


def _object(
    properties: Mapping[str, Any], *, optional: Mapping[str, Any] | None = None, additional: bool = True
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {**properties, **(optional or {})}}
    if properties:
        schema["required"] = list(properties)
    return schema if additional else {**schema, "additionalProperties": False}
