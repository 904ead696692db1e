"""GET /uploads/{upload_id}/result: the Lambda that returns a link to the result of the user's own upload."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from handlers.aws.environment import bucket_here, read_environment, role_credentials
from handlers.entries.clients import upload_store
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response, json_fields
from handlers.use_cases.get_result import get_result


class GetResultEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    uploads_table: str
    url_expires_in_seconds: int


@cache
def _environment() -> GetResultEnvironment:
    return read_environment(GetResultEnvironment)


@api_operation("getResult")
def handle(request: ApiRequest) -> Response:
    """Return 200 with a presigned GET, 404, or 409 while there is no result."""
    env = _environment()
    link = get_result(
        request.ref,
        records=upload_store(env.uploads_table),
        bucket_named=bucket_here,
        credentials=role_credentials(),
        expires_in_seconds=env.url_expires_in_seconds,
        now=datetime.now(UTC),
    )
    return Response(200, json_fields(link))
