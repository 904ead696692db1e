"""POST /uploads/{upload_id}/complete: the Lambda that has S3 put the parts together."""

from handlers.entries.boto3_dependencies import multipart_completion
from handlers.entries.dependencies import upload_store
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.http.view import upload_view
from handlers.use_cases.complete_upload import complete_upload


@api_operation("completeUpload")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with the upload, 404, 409 where parts are missing or the upload is over, or 503 for a conflict."""
    request.check_body_is_empty()
    upload = complete_upload(request.ref, records=upload_store(), multipart_completion=multipart_completion())
    return request.answer(200, upload_view(upload))
