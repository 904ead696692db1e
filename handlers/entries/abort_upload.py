"""DELETE /uploads/{upload_id}: the Lambda with which a client cancels an upload."""

from datetime import UTC, datetime

from handlers.entries.dependencies import multipart_start, upload_store
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.use_cases.abort_upload import abort_upload


@api_operation("abortUpload")
def handle(request: ApiRequest) -> Answer:
    """Answer 204, 404, or 409 where the object is there already."""
    abort_upload(request.ref, datetime.now(UTC), records=upload_store(), multipart_start=multipart_start())
    return request.empty_answer()
