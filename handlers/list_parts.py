"""GET /uploads/{upload_id}/parts: what any device needs to go on with an upload."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from handlers.api import Answer, ApiRequest, api_operation
from handlers.boto3_clients import part_store
from handlers.upload_environment import session_issuer, upload_store
from handlers.uploads.assembly import list_parts
from handlers.uploads.part_store import HeldPart


@api_operation("listParts")
def handle(request: ApiRequest) -> Answer:
    """Answer 200 with the parts and a fresh session, 404, or 409 where no parts are awaited."""
    upload, multipart, held = list_parts(request.ref, records=upload_store(), store=part_store())
    plan = session_issuer().transfer_plan(upload, multipart, datetime.now(UTC))
    return request.answer(200, {**plan, "parts": [_told(part) for part in held]})


def _told(part: HeldPart) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if value is not None}
