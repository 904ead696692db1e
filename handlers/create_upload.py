"""POST /uploads: the Lambda behind the gateway's Cognito authorizer."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import uuid6

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.environment import bucket_here, read_environment, role_credentials
from handlers.upload_environment import environment, part_store, session_issuer, upload_store
from handlers.uploads.creation import Creation, CreationRules
from handlers.uploads.presign import presign


@cache
def _rules() -> CreationRules:
    return read_environment(CreationRules)


def _put_signer(now: datetime) -> Callable[[str, dict[str, str]], str]:
    bucket, credentials = bucket_here(environment().ingest_bucket), role_credentials()
    seconds = _rules().url_expires_in_seconds
    return lambda key, headers: presign(
        "PUT", bucket, key, credentials, headers=headers, expires_in_seconds=seconds, now=now
    )


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 201 with the plan, or 400 with every fault of the body."""
    request = ApiRequest.from_event(event, environment().allowed_origins)
    now = datetime.now(UTC)
    creation = Creation(_rules(), upload_store(), _put_signer(now), part_store, session_issuer)
    try:
        upload_id = str(uuid6.uuid7())
        plan = creation.create_upload(request.json_body(), owner=request.owner, upload_id=upload_id, now=now)
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(201, plan, Location=f"uploads/{plan['upload_id']}")
