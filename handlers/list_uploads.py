"""GET /uploads: the Lambda that lists the signed-in user's uploads."""

from handlers.api import Answer, ApiRequest, api_operation
from handlers.upload_environment import upload_store
from handlers.uploads.pages import list_uploads


@api_operation("listUploads")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with a page, newest first, or 400 with every fault of the query."""
    return request.answer(200, list_uploads(request.owner, request.query, records=upload_store()))
