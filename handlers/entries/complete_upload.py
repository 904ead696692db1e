"""POST /uploads/{upload_id}/complete: the Lambda that completes an upload in parts."""

from functools import cache
from typing import NamedTuple

import boto3

from handlers.aws.environment import read_environment
from handlers.domain.declaration import LateDeclaration
from handlers.entries.clients import upload_store
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response
from handlers.http.view import upload_view
from handlers.storage.multipart_completion import MultipartCompletion
from handlers.use_cases.complete_upload import complete_upload


class CompleteUploadEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    uploads_table: str
    ingest_bucket: str


@cache
def _environment() -> CompleteUploadEnvironment:
    return read_environment(CompleteUploadEnvironment)


@cache
def _multipart_completion() -> MultipartCompletion:
    return MultipartCompletion(boto3.client("s3"), _environment().ingest_bucket)


@api_operation("completeUpload")
def handle(request: ApiRequest) -> Response:
    """Return 200 with the upload, 400, 403 over the quota, 404, 409 if parts are missing or it is over, or 503."""
    late = LateDeclaration.parse(request.json_body() if request.body else {})
    records = upload_store(_environment().uploads_table)
    upload = complete_upload(request.ref, late, records=records, multipart_completion=_multipart_completion())
    return Response(200, upload_view(upload))
