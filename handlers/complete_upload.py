"""POST /uploads/{upload_id}/complete: the Lambda that has S3 put the parts together."""

from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.boto3_clients import part_store
from handlers.upload_environment import allowed_origins, upload_store
from handlers.uploads.assembly import complete_upload
from handlers.uploads.view import upload_view


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200 with the upload, 404, or 409 where parts are missing or the upload is over."""
    request = ApiRequest.from_event(event, allowed_origins())
    try:
        upload = complete_upload(request.ref, records=upload_store(), store=part_store())
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(200, upload_view(upload))
