"""DELETE /uploads/{upload_id}: the Lambda that cancels an upload."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from handlers.aws.environment import read_environment
from handlers.entries.clients import multipart_start, upload_store
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response
from handlers.use_cases.abort_upload import abort_upload


class AbortUploadEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    uploads_table: str
    ingest_bucket: str


@cache
def _environment() -> AbortUploadEnvironment:
    return read_environment(AbortUploadEnvironment)


@api_operation("abortUpload")
def handle(request: ApiRequest) -> Response:
    """Return 204, 404, or 409 if the object exists already."""
    env = _environment()
    abort_upload(
        request.ref,
        datetime.now(UTC),
        records=upload_store(env.uploads_table),
        multipart_start=multipart_start(env.ingest_bucket),
    )
    return Response(204)
