"""POST /uploads: the Lambda behind the gateway's Cognito authorizer; without boto3, for somebody waits for it."""

from datetime import UTC, datetime
from functools import cache

from handlers.aws.environment import bucket_here, read_environment, role_credentials
from handlers.aws.metric_log import size_class
from handlers.domain.declaration import UploadRequest
from handlers.domain.quota import Quota
from handlers.domain.upload_ids import UploadIds
from handlers.entries.dependencies import (
    ingest_bucket,
    kms_key_arn,
    multipart_start,
    session_issuer,
    upload_store,
    url_expires_in_seconds,
)
from handlers.http.api import Answer, ApiRequest, api_operation
from handlers.storage.upload_signer import UploadSigner
from handlers.use_cases.create_upload import CreateUpload, UploadRules

_ids = UploadIds()


@cache
def _rules() -> UploadRules:
    return read_environment(UploadRules)


@cache
def _quota() -> Quota:
    return read_environment(Quota)


@api_operation("createUpload")
def handle(request: ApiRequest) -> Answer:
    """Answer 201 with the plan, 400 with all errors, 403 over the quota, or 409 for the key of an ended upload."""
    declared = UploadRequest.parse(request.json_body(), _rules().allowed_methods)
    request.log_fields["size_class"] = size_class(declared.size_bytes)
    now = datetime.now(UTC)
    creation = CreateUpload(
        rules=_rules(),
        quota=_quota(),
        records=upload_store(),
        signer=UploadSigner(
            bucket_here(ingest_bucket()), role_credentials(), kms_key_arn(), url_expires_in_seconds(), now
        ),
        multipart_start=multipart_start,
        session_issuer=session_issuer,
    )
    plan = creation.create_upload(
        declared,
        owner=request.owner,
        upload_id=_ids.new(int(now.timestamp() * 1000)),
        idempotency_key=request.idempotency_key,
        now=now,
    )
    return request.answer(201, plan, Location=f"uploads/{plan['upload_id']}")
