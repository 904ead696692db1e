"""DELETE /uploads/{upload_id}: the Lambda with which a client cancels an upload."""

from datetime import UTC, datetime

from handlers.api import Answer, ApiRequest, api_operation
from handlers.upload_environment import part_opening, upload_store
from handlers.uploads.assembly import abort_upload


@api_operation("abortUpload")
def handle(request: ApiRequest) -> Answer:
    """Answer 204, 404, or 409 where the object is there already."""
    abort_upload(request.ref, datetime.now(UTC), records=upload_store(), opening=part_opening())
    return request.empty_answer()
