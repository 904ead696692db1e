"""GET /uploads/{upload_id}/result: the Lambda that hands out the result of one's own upload."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from handlers.api import CLIENT_FAULTS, ApiRequest
from handlers.environment import bucket_here, read_environment, role_credentials
from handlers.uploads.presign import presign
from handlers.uploads.results import result_link
from handlers.uploads.store import UploadStore


@dataclass(frozen=True)
class GetResultEnvironment:
    """Set by the UploadApi component."""

    uploads_table: str
    url_expires_in_seconds: int
    allowed_origins: tuple[str, ...]


@cache
def _environment() -> GetResultEnvironment:
    return read_environment(GetResultEnvironment)


@cache
def _store() -> UploadStore:
    return UploadStore(boto3.client("dynamodb"), _environment().uploads_table)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer 200 with a presigned GET, 404, or 409 while there is no result."""
    env = _environment()
    request = ApiRequest.from_event(event, env.allowed_origins)
    now = datetime.now(UTC)

    def presign_get(bucket: str, key: str, query: dict[str, str]) -> str:
        place, seconds = bucket_here(bucket), env.url_expires_in_seconds
        return presign(
            "GET", place, key, role_credentials(), headers={}, query=query, expires_in_seconds=seconds, now=now
        )

    try:
        link = result_link(
            request.ref,
            records=_store(),
            presign_get=presign_get,
            now=now,
            expires_in_seconds=env.url_expires_in_seconds,
        )
    except CLIENT_FAULTS as fault:
        return request.refusal(fault)
    return request.answer(200, link)
