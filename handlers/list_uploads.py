"""GET /uploads: the Lambda that lists the signed-in user's uploads."""

from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.upload_environment import allowed_origins, upload_store
from handlers.uploads.pages import list_uploads


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200 with a page, newest first, or 400 with every fault of the query."""
    request = ApiRequest.from_event(event, allowed_origins())
    try:
        page = list_uploads(request.owner, event["queryStringParameters"] or {}, records=upload_store())
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(200, page)
