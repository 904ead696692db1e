"""DELETE /uploads/{upload_id}: the Lambda with which a client gives an upload up."""

from datetime import UTC, datetime
from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.upload_environment import allowed_origins, part_opening, upload_store
from handlers.uploads.assembly import abort_upload


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 204, 404, or 409 where the object is there already."""
    request = ApiRequest.from_event(event, allowed_origins())
    try:
        abort_upload(request.ref, datetime.now(UTC), records=upload_store(), opening=part_opening())
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.empty_answer()
