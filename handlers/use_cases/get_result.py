"""The use case behind GET /uploads/{upload_id}/result: a link from which the result can be downloaded."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from handlers.aws.presign import Bucket, Credentials, presign
from handlers.domain.errors import NoResult
from handlers.domain.times import url_expiry
from handlers.domain.upload import Status
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_store import UploadStore


class ResultLink(NamedTuple):
    """A presigned GET. The names are the API's."""

    url: str
    expires_at: datetime


def get_result(
    ref: UploadRef,
    *,
    records: UploadStore,
    bucket_named: Callable[[str], Bucket],
    credentials: Credentials,
    expires_in_seconds: int,
    now: datetime,
) -> ResultLink:
    """Presign a GET of the result; raises UnknownUpload, or NoResult while there is none."""
    upload = records.find(ref)
    if upload.status is not Status.COMPLETED or upload.result is None:
        raise NoResult(f"The upload is {upload.status}; there is a result once it is completed.")
    url = presign(
        "GET",
        bucket_named(upload.result.bucket),
        upload.result.key,
        credentials,
        headers={},
        query={"response-content-disposition": _attachment(f"{upload.declared.file_name}.json")},
        expires_in_seconds=expires_in_seconds,
        now=now,
    )
    return ResultLink(url, url_expiry(now, expires_in_seconds))


def _attachment(file_name: str) -> str:
    """Return a Content-Disposition with a name in any script (RFC 6266), and one in ASCII for older clients."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
