"""GET /uploads: the Lambda that lists the signed-in user's uploads. The use case is a single query."""

from functools import cache
from typing import NamedTuple

from handlers.aws.environment import read_environment
from handlers.entries.clients import upload_store
from handlers.http.operation import api_operation
from handlers.http.page import PageRequest, page_view
from handlers.http.request import ApiRequest
from handlers.http.response import Response


class ListUploadsEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    uploads_table: str


@cache
def _environment() -> ListUploadsEnvironment:
    return read_environment(ListUploadsEnvironment)


@api_operation("listUploads")
def handle(request: ApiRequest) -> Response:
    """Return 200 with a page, newest first, or 400 with all errors in the query."""
    page = PageRequest.parse(request.query)
    records = upload_store(_environment().uploads_table)
    uploads, last = records.list_newest(request.owner, limit=page.limit, after=page.after)
    return Response(200, page_view(uploads, last))
