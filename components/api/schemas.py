"""The schemas of the REST contract: what bodies look like, with the same limits as the rules in handlers/."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.domain.declaration import (
    CONTENT_TYPE_PATTERN,
    FILE_NAME_PATTERN,
    MAX_CONTENT_TYPE_LENGTH,
    MAX_FILE_NAME_LENGTH,
    ChecksumAlgorithm,
)
from handlers.domain.plan import MAX_OBJECT_BYTES, MAX_PARTS, Method
from handlers.domain.session import MAX_TOKEN_LENGTH
from handlers.domain.upload import Status

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_NUMBER = {"type": "integer"}


def schemas(methods: Sequence[Method]) -> dict[str, Any]:
    """All schemas by name, for these methods of sending; API Gateway allows letters and digits in a name alone."""
    method = {"type": "string", "enum": [str(each) for each in methods]}
    status = {"type": "string", "enum": [str(state) for state in Status]}
    part_number = {"type": "integer", "minimum": 1, "maximum": MAX_PARTS}
    upload = {
        "upload_id": _TEXT,
        "status": status,
        "version": _NUMBER,
        "file_name": _TEXT,
        "content_type": _TEXT,
        "size_bytes": _NUMBER,
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    }
    created = {
        "upload_id": _TEXT,
        "status": status,
        "method": method,
        "expires_at": _MOMENT,
        "expires_in_seconds": _NUMBER,
    }
    session = {"session": _TEXT, "session_expires_at": _MOMENT}
    plan = {"part_size_bytes": _NUMBER, "part_count": _NUMBER}
    algorithm = {"type": "string", "enum": [str(each) for each in ChecksumAlgorithm]}
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
                "size_bytes": {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_OBJECT_BYTES},
            },
            optional={
                "method": method,
                "checksum": _object({"algorithm": algorithm, "value": _TEXT}, additional=False),
            },
            additional=False,
        ),
        "CreatedUpload": _object(
            created, optional={"url": _TEXT, "headers": texts, "fields": texts, **plan, **checked_by, **session}
        ),
        "SignPartsRequest": _object(
            {
                "session": {"type": "string", "maxLength": MAX_TOKEN_LENGTH},
                "first_part": part_number,
                "last_part": part_number,
            },
            optional={"checksums": {"type": "array", "maxItems": MAX_PARTS, "items": _TEXT}},
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
        "UploadedParts": _object({**plan, "parts": {"type": "array", "items": part}, **session}, optional=checked_by),
        "CompleteUploadRequest": _object({}, additional=False),
        "Upload": _object(
            upload,
            optional={
                "result": _object({"bucket": _TEXT, "key": _TEXT}),
                "failure": _object({"code": _TEXT, "detail": _TEXT}),
                "rejection": _object({"code": _TEXT, "detail": _TEXT}),
            },
        ),
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


def _object(
    properties: Mapping[str, Any], *, optional: Mapping[str, Any] | None = None, additional: bool = True
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {**properties, **(optional or {})}}
    if properties:
        schema["required"] = list(properties)
    return schema if additional else {**schema, "additionalProperties": False}
