"""GET /uploads/{upload_id}/parts: what any device needs to go on with an upload."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.boto3_clients import part_store
from handlers.upload_environment import allowed_origins, session_issuer, upload_store
from handlers.uploads.assembly import list_parts
from handlers.uploads.part_store import HeldPart


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200 with the parts and a fresh session, 404, or 409 where no parts are awaited."""
    request = ApiRequest.from_event(event, allowed_origins())
    try:
        upload, multipart, held = list_parts(request.ref, records=upload_store(), store=part_store())
        plan = session_issuer().transfer_plan(upload, multipart, datetime.now(UTC))
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(200, {**plan, "parts": [_told(part) for part in held]})


def _told(part: HeldPart) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if value is not None}
