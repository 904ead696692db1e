"""Declares uploads by the use case behind POST /uploads, over a real table and with S3 stood in for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.aws.presign import Bucket, Credentials
from handlers.aws.s3_client import AwsS3
from handlers.domain.declaration import UploadRequest
from handlers.domain.plan import Method
from handlers.domain.upload_ref import UploadRef
from handlers.domain.upload_rules import UploadRules
from handlers.http.response import json_fields
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.session_keys import SigningKey
from handlers.storage.upload_signer import UploadSigner
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.create_upload import CreateUpload
from handlers.use_cases.session_issuer import SessionIssuer
from tests.support.aws.fake_light_clients import KEY
from tests.support.aws.moto_cloud import CREATED, OWNER

BODY: dict[str, Any] = {"file_name": "Überweisung.pdf", "content_type": "application/pdf", "size_bytes": 26_214_400}
IN_PARTS = {**BODY, "method": "multipart"}
RULES = UploadRules(
    max_upload_bytes=5 * 1024**3,
    max_open_uploads=3,
    allowed_content_types=(),
    allowed_methods=tuple(Method),
    multipart_threshold_bytes=64 * 1024**2,
    record_retention_days=30,
)


class MultipartUploads(AwsS3):
    """Stands in for S3, and notes which multipart uploads were started and aborted."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.started: list[str] = []
        self.aborted: list[str] = []
        self.failing = False

    def create_multipart_upload(self, key: str, headers: Mapping[str, str]) -> str:  # noqa: ARG002
        if self.failing:
            raise AwsError("InternalError", "no", 500, {})
        self.started.append(f"multipart-{self.name}{len(self.started) + 1}")
        return self.started[-1]

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:  # noqa: ARG002
        self.aborted.append(multipart_id)


class Stammering(Boto3Json):
    """Makes each call twice, and returns the second answer."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        super().call(operation, parameters)
        return super().call(operation, parameters)


class OneKey(Mapping[str, bytes]):
    """Stands in for the keys of the secret."""

    def fetch_current(self) -> SigningKey:
        return KEY

    def __getitem__(self, key_id: str) -> bytes:
        return {KEY.key_id: KEY.key}[key_id]

    def __iter__(self) -> Any:
        return iter([KEY.key_id])

    def __len__(self) -> int:
        return 1


@dataclass
class Api:
    """Declares uploads, each under an id of its own, counted from 1."""

    store: UploadStore
    multipart: MultipartUploads = field(default_factory=MultipartUploads)
    rules: UploadRules = RULES
    kms_key_arn: str = ""
    declared: int = 0

    def create(
        self,
        body: object = BODY,
        *,
        key: str | None = None,
        now: datetime = CREATED,
        owner: str = OWNER,
        upload_id: str | None = None,
    ) -> dict[str, Any]:
        self.declared += 1
        signer = UploadSigner(
            Bucket.at("ingest", "eu-central-1"),
            Credentials("AKIAEXAMPLE", "secret"),
            self.kms_key_arn,
            900,
            now,
        )
        issuer = SessionIssuer(OneKey(), 86_400)  # pyright: ignore[reportArgumentType] - its keys are no secret's
        creation = CreateUpload(self.rules, self.store, signer, lambda: start, lambda: issuer)
        start = MultipartStart(self.multipart)
        made = upload_id or ref_of(self.declared).upload_id
        declared = UploadRequest.parse(body, list(Method))
        return json_fields(creation.create(declared, owner=owner, upload_id=made, idempotency_key=key))


def ref_of(count: int) -> UploadRef:
    return UploadRef(OWNER, f"01985c2e-5a00-7000-8000-{count:012}")
