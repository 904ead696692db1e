"""GET /uploads/{upload_id}/parts: the Lambda that returns what any device needs to continue an upload."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

import boto3

from handlers.aws.environment import read_environment
from handlers.entries.clients import signing_keys, upload_store
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response, json_fields
from handlers.storage.multipart_completion import MultipartCompletion
from handlers.use_cases.list_parts import list_parts
from handlers.use_cases.session_issuer import SessionIssuer


class ListPartsEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    uploads_table: str
    ingest_bucket: str
    session_key_secret: str
    session_expires_in_seconds: int


@cache
def _environment() -> ListPartsEnvironment:
    return read_environment(ListPartsEnvironment)


@cache
def _multipart_completion() -> MultipartCompletion:
    return MultipartCompletion(boto3.client("s3"), _environment().ingest_bucket)


@api_operation("listParts")
def handle(request: ApiRequest) -> Response:
    """Return 200 with the parts and a new session, 404, or 409 if the upload expects no parts."""
    env = _environment()
    stored = list_parts(
        request.ref,
        datetime.now(UTC),
        records=upload_store(env.uploads_table),
        multipart_completion=_multipart_completion(),
        session_issuer=SessionIssuer(signing_keys(env.session_key_secret), env.session_expires_in_seconds),
    )
    return Response(200, json_fields(stored))
