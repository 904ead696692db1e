"""GET /uploads: the Lambda that lists the signed-in user's uploads."""

from handlers.entries.dependencies import upload_store
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.use_cases.list_uploads import list_uploads


@api_operation("listUploads")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with a page, newest first, or 400 with all errors in the query."""
    return request.answer(200, list_uploads(request.owner, request.query, records=upload_store()))
