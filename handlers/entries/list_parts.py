"""GET /uploads/{upload_id}/parts: what any device needs to go on with an upload."""

from datetime import UTC, datetime
from typing import Any

from handlers.entries.boto3_dependencies import multipart_completion
from handlers.entries.dependencies import session_issuer, upload_store
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.storage.multipart_completion import StoredPart
from handlers.use_cases.list_parts import list_parts


@api_operation("listParts")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with the parts and a fresh session, 404, or 409 where no parts are awaited."""
    upload, multipart, stored = list_parts(
        request.ref, records=upload_store(), multipart_completion=multipart_completion()
    )
    plan = session_issuer().transfer_plan(upload, multipart, datetime.now(UTC))
    return request.answer(200, {**plan, "parts": [_told(part) for part in stored]})


def _told(part: StoredPart) -> dict[str, Any]:
    return {name: value for name, value in part._asdict().items() if value is not None}
