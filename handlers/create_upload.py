"""POST /uploads: the Lambda behind the gateway's Cognito authorizer; without boto3, for somebody waits for it."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.environment import bucket_here, read_environment, role_credentials
from handlers.upload_environment import (
    allowed_origins,
    ingest_bucket,
    kms_key_arn,
    part_opening,
    session_issuer,
    upload_store,
    url_expires_in_seconds,
)
from handlers.uploads.creation import Creation, CreationRules
from handlers.uploads.permission import Permission
from handlers.uploads.quota import Quota
from handlers.uploads.upload_ids import UploadIds

_ids = UploadIds()


@cache
def _rules() -> CreationRules:
    return read_environment(CreationRules)


@cache
def _quota() -> Quota:
    return read_environment(Quota)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 201 with the plan, 400 with every fault, 403 over the quota, or 409 for a key whose upload is over."""
    request = ApiRequest.from_event(event, allowed_origins())
    now = datetime.now(UTC)
    creation = Creation(
        rules=_rules(),
        quota=_quota(),
        records=upload_store(),
        permission=Permission(
            bucket_here(ingest_bucket()), role_credentials(), kms_key_arn(), url_expires_in_seconds(), now
        ),
        part_opening=part_opening,
        session_issuer=session_issuer,
    )
    try:
        plan = creation.create_upload(
            request.json_body(),
            owner=request.owner,
            upload_id=_ids.new(int(now.timestamp() * 1000)),
            idempotency_key=request.idempotency_key,
            now=now,
        )
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(201, plan, Location=f"uploads/{plan['upload_id']}")
