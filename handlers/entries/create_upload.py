"""POST /uploads: the Lambda behind the gateway's Cognito authorizer; without boto3, because a user waits for it."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from handlers.aws.environment import bucket_here, read_environment, role_credentials
from handlers.aws.metric_log import size_class
from handlers.domain.declaration import UploadRequest
from handlers.domain.upload_ids import UploadIds
from handlers.domain.upload_rules import UploadRules
from handlers.entries.clients import multipart_start, signing_keys, upload_store
from handlers.http.operation import api_operation
from handlers.http.request import ApiRequest
from handlers.http.response import Response, json_fields
from handlers.storage.upload_signer import UploadSigner
from handlers.use_cases.create_upload import CreateUpload
from handlers.use_cases.session_issuer import SessionIssuer


class CreateUploadEnvironment(NamedTuple):
    """Set by the UploadApi component, beside the UploadRules."""

    uploads_table: str
    ingest_bucket: str
    kms_key_arn: str
    """The customer's key; empty for AWS's own."""
    url_expires_in_seconds: int
    session_key_secret: str
    session_expires_in_seconds: int


_ids = UploadIds()


@cache
def _environment() -> CreateUploadEnvironment:
    return read_environment(CreateUploadEnvironment)


@cache
def _rules() -> UploadRules:
    return read_environment(UploadRules)


@api_operation("createUpload")
def handle(request: ApiRequest) -> Response:
    """Return 201 with the plan, 400 with all errors, 403 over the quota, or 409 for the key of an ended upload."""
    declared = UploadRequest.parse(request.json_body(), _rules().allowed_methods)
    request.log_fields["size_class"] = size_class(declared.size_bytes)
    now = datetime.now(UTC)
    created = _use_case(now).create(
        declared,
        owner=request.owner,
        upload_id=_ids.new(int(now.timestamp() * 1000)),
        idempotency_key=request.idempotency_key,
    )
    return Response(201, json_fields(created), {"Location": f"uploads/{created.upload_id}"})


def _use_case(now: datetime) -> CreateUpload:
    env = _environment()
    bucket, credentials = bucket_here(env.ingest_bucket), role_credentials()
    return CreateUpload(
        rules=_rules(),
        records=upload_store(env.uploads_table),
        signer=UploadSigner(bucket, credentials, env.kms_key_arn, env.url_expires_in_seconds, now),
        multipart_start=lambda: multipart_start(env.ingest_bucket),
        session_issuer=lambda: SessionIssuer(signing_keys(env.session_key_secret), env.session_expires_in_seconds),
    )
