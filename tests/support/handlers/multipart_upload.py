"""An upload of three small parts, and the secret that signs its sessions."""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers.domain.declaration import ChecksumAlgorithm
from handlers.domain.plan import MAX_OBJECT_BYTES
from handlers.domain.session import Session
from tests.support.aws.fake_light_clients import KEY, SECRET
from tests.support.aws.moto_cloud import INGEST, REF, TABLE, Cloud
from tests.support.handlers.create_uploads import RULES

BODIES = {1: b"0123456789", 2: b"abcdefghij", 3: b"end"}
SIZE_BYTES, PART_SIZE_BYTES = 23, 10
SHOP = "https://shop.example"
_RULES: dict[str, int | tuple[str, ...]] = RULES._replace(
    max_upload_bytes=MAX_OBJECT_BYTES, max_open_uploads=1_000
)._asdict()
SETTINGS = {
    "UPLOADS_TABLE": TABLE,
    "INGEST_BUCKET": INGEST,
    "ALLOWED_ORIGINS": SHOP,
    "URL_EXPIRES_IN_SECONDS": "900",
    "KMS_KEY_ARN": "",
    "SESSION_KEY_SECRET": SECRET,
    "SESSION_EXPIRES_IN_SECONDS": "86400",
    **{name.upper(): ",".join(each) if isinstance(each, tuple) else str(each) for name, each in _RULES.items()},
}


@dataclass
class UploadInParts:
    """What S3 and the table have of it, seen and changed past the handlers."""

    cloud: Cloud
    multipart_id: str = ""

    def begin(self, **attributes: Any) -> None:
        started = self.cloud.s3.create_multipart_upload(Bucket=INGEST, Key=REF.object_key)
        self.multipart_id = started["UploadId"]
        self.write(**attributes)

    def write(self, **attributes: Any) -> None:
        self.cloud.write_record(
            REF,
            **{
                "method": "multipart",
                "multipart_id": self.multipart_id,
                "part_size_bytes": PART_SIZE_BYTES,
                "size_bytes": SIZE_BYTES,
                **attributes,
            },
        )

    def send(self, bodies: Mapping[int, bytes] = BODIES) -> None:
        for number, body in bodies.items():
            self.cloud.s3.upload_part(
                Bucket=INGEST, Key=REF.object_key, UploadId=self.multipart_id, PartNumber=number, Body=body
            )

    def complete_elsewhere(self) -> None:
        parts = self.cloud.s3.list_parts(Bucket=INGEST, Key=REF.object_key, UploadId=self.multipart_id)["Parts"]
        self.cloud.s3.complete_multipart_upload(
            Bucket=INGEST,
            Key=REF.object_key,
            UploadId=self.multipart_id,
            MultipartUpload={
                "Parts": [{"PartNumber": part.get("PartNumber", 0), "ETag": part.get("ETag", "")} for part in parts]
            },
        )

    def abort_elsewhere(self) -> None:
        self.cloud.s3.abort_multipart_upload(Bucket=INGEST, Key=REF.object_key, UploadId=self.multipart_id)

    @property
    def is_open_at_s3(self) -> bool:
        return open_at_s3(self.cloud) == [self.multipart_id]

    def object(self) -> bytes | None:
        listed = self.cloud.s3.list_objects_v2(Bucket=INGEST).get("Contents", [])
        if not listed:
            return None
        return self.cloud.s3.get_object(Bucket=INGEST, Key=REF.object_key)["Body"].read()


def open_at_s3(cloud: Cloud) -> list[str]:
    listed = cloud.s3.list_multipart_uploads(Bucket=INGEST).get("Uploads", [])
    return [upload.get("UploadId", "") for upload in listed]


def session_in(told: Mapping[str, Any]) -> Session:
    """Open the session that an answer hands out."""
    return Session.open(told["session"], {KEY.key_id: KEY.key}, ref=REF, now=datetime.now(UTC))


def problem_in(answer: Mapping[str, Any]) -> tuple[int, str, str]:
    """Status, kind and detail."""
    problem = json.loads(answer["body"])
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["statusCode"] == problem["status"]
    return problem["status"], problem["type"].removeprefix("urn:portage:problem:"), problem["detail"]


def checksum_of(algorithm: ChecksumAlgorithm, data: bytes) -> str:
    """In base64, as S3 writes it."""
    digest = hashlib.sha256(data).digest() if algorithm is ChecksumAlgorithm.SHA256 else zlib.crc32(data).to_bytes(4)
    return base64.b64encode(digest).decode()
