"""GET /uploads/{upload_id}/result: the Lambda that hands out the result of one's own upload."""

from datetime import UTC, datetime
from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.environment import bucket_here, role_credentials
from handlers.upload_environment import allowed_origins, upload_store, url_expires_in_seconds
from handlers.uploads.presign import presign
from handlers.uploads.results import result_link


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200 with a presigned GET, 404, or 409 while there is no result."""
    request = ApiRequest.from_event(event, allowed_origins())
    now = datetime.now(UTC)

    def presign_get(bucket: str, key: str, query: dict[str, str]) -> str:
        place, seconds = bucket_here(bucket), url_expires_in_seconds()
        return presign(
            "GET", place, key, role_credentials(), headers={}, query=query, expires_in_seconds=seconds, now=now
        )

    try:
        link = result_link(
            request.ref,
            records=upload_store(),
            presign_get=presign_get,
            now=now,
            expires_in_seconds=url_expires_in_seconds(),
        )
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(200, link)
