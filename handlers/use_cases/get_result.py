"""The use case behind GET /uploads/{upload_id}/result: a link from which the result can be downloaded."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from handlers.domain.errors import NoResult
from handlers.domain.upload import Status, UploadRef, iso, url_expiry
from handlers.storage.upload_store import UploadStore


def result_link(
    ref: UploadRef,
    *,
    records: UploadStore,
    presign_get: Callable[[str, str, dict[str, str]], str],
    now: datetime,
    expires_in_seconds: int,
) -> dict[str, Any]:
    """Presign a GET (bucket, key, query) of the result; raises UnknownUpload, or NoResult while there is none."""
    upload = records.find(ref)
    if upload.status is not Status.COMPLETED or upload.result is None:
        raise NoResult(f"The upload is {upload.status}; there is a result once it is completed.")
    disposition = attachment(f"{upload.declared.file_name}.json")
    url = presign_get(upload.result.bucket, upload.result.key, {"response-content-disposition": disposition})
    return {"url": url, "expires_at": iso(url_expiry(now, expires_in_seconds))}


def attachment(file_name: str) -> str:
    """Content-Disposition with a name in any script (RFC 6266), and one in ASCII for older clients."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
