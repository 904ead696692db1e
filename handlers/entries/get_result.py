"""GET /uploads/{upload_id}/result: the Lambda that hands out the result of one's own upload."""

from datetime import UTC, datetime

from handlers.aws.environment import bucket_here, role_credentials
from handlers.aws.presign import presign
from handlers.entries.dependencies import upload_store, url_expires_in_seconds
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.use_cases.get_result import result_link


@api_operation("getResult")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with a presigned GET, 404, or 409 while there is no result."""
    now = datetime.now(UTC)

    def presign_get(bucket: str, key: str, query: dict[str, str]) -> str:
        place, seconds = bucket_here(bucket), url_expires_in_seconds()
        return presign(
            "GET", place, key, role_credentials(), headers={}, query=query, expires_in_seconds=seconds, now=now
        )

    link = result_link(
        request.ref,
        records=upload_store(),
        presign_get=presign_get,
        now=now,
        expires_in_seconds=url_expires_in_seconds(),
    )
    return request.answer(200, link)
