"""POST /uploads/{upload_id}/parts: signs each range of parts, without boto3 and without the database."""

import os
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from handlers.aws.environment import bucket_here, read_environment, role_credentials
from handlers.aws.json_client import SECRETS_MANAGER, AwsJson
from handlers.domain.session import PartRange
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response, json_fields
from handlers.storage.session_keys import SigningKeys
from handlers.use_cases.sign_parts import sign_part_range


class SignPartsEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    ingest_bucket: str
    url_expires_in_seconds: int
    session_key_secret: str


@cache
def _environment() -> SignPartsEnvironment:
    return read_environment(SignPartsEnvironment)


@cache
def _keys() -> SigningKeys:
    # Not clients.py's: that would import the database's modules at each cold start.
    return SigningKeys(AwsJson(SECRETS_MANAGER, os.environ["AWS_REGION"]), _environment().session_key_secret)


@api_operation("signParts")
def handle(request: ApiRequest) -> Response:
    """Return 200 with the signatures, 400 for a range that is not in the plan, or 403 for an invalid session."""
    env, body = _environment(), request.json_body()
    signed = sign_part_range(
        request.ref,
        PartRange.parse(body),
        keys=_keys(),
        bucket=bucket_here(env.ingest_bucket),
        credentials=role_credentials(),
        expires_in_seconds=env.url_expires_in_seconds,
        now=datetime.now(UTC),
    )
    return Response(200, json_fields(signed))
