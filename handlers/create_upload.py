"""POST /uploads: the Lambda behind the gateway's Cognito authorizer."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import uuid6

from handlers.api import ApiRequest
from handlers.environment import read_environment
from handlers.uploads.creation import CreationRules, create_upload
from handlers.uploads.model import InvalidRequest
from handlers.uploads.presign import Bucket, Credentials, presign
from handlers.uploads.store import UploadStore


@dataclass(frozen=True)
class CreateUploadEnvironment:
    """Set by the UploadApi component."""

    uploads_table: str
    ingest_bucket: str
    url_expires_in_seconds: int
    max_upload_bytes: int
    record_retention_days: int
    allowed_origins: tuple[str, ...]


@cache
def _environment() -> CreateUploadEnvironment:
    return read_environment(CreateUploadEnvironment)


@cache
def _store() -> UploadStore:
    return UploadStore(boto3.client("dynamodb"), _environment().uploads_table)


def _put_signer(env: CreateUploadEnvironment, now: datetime) -> Callable[[str, dict[str, str]], str]:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    bucket = Bucket.at(env.ingest_bucket, os.environ["AWS_REGION"], endpoint)
    # Read at each call: Lambda may renew the role's credentials in a live environment.
    credentials = Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN"),
    )
    seconds = env.url_expires_in_seconds
    return lambda key, headers: presign(
        "PUT", bucket, key, credentials, headers=headers, expires_in_seconds=seconds, now=now
    )


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 201 with the plan, or 400 with every fault of the body."""
    env = _environment()
    request = ApiRequest.from_event(event, env.allowed_origins)
    now = datetime.now(UTC)
    try:
        plan = create_upload(
            request.json_body(),
            owner=request.owner,
            upload_id=str(uuid6.uuid7()),
            now=now,
            rules=CreationRules(env.max_upload_bytes, env.url_expires_in_seconds, env.record_retention_days),
            records=_store(),
            presign_put=_put_signer(env, now),
        )
    except InvalidRequest as fault:
        return request.problem(400, "invalid-request", "Invalid request", str(fault))
    return request.answer(201, plan, Location=f"uploads/{plan['upload_id']}")
