"""What a client is permitted to send: everything that S3 is to hold the bytes to is signed."""

from datetime import datetime
from typing import Any, NamedTuple

from handlers.aws.presign import Bucket, Credentials, presign, presign_post
from handlers.domain.declaration import ChecksumAlgorithm, UploadRequest
from handlers.domain.upload import Upload, url_expiry

ENCRYPTION_HEADER = "x-amz-server-side-encryption"
KMS_KEY_HEADER = f"{ENCRYPTION_HEADER}-aws-kms-key-id"

SENT_HEADERS = (
    "content-type",
    "if-none-match",
    ENCRYPTION_HEADER,
    KMS_KEY_HEADER,
    *(algorithm.header for algorithm in ChecksumAlgorithm),
)
"""All that is signed, and a browser may therefore have to send; it knows the length by itself."""


class Permission(NamedTuple):
    """Signs requests to S3. A client that has one may send these bytes to this key until it expires."""

    bucket: Bucket
    credentials: Credentials
    kms_key_arn: str
    """The customer's key; empty for AWS's own."""
    expires_in_seconds: int
    now: datetime

    @property
    def expires_at(self) -> datetime:
        """When S3 takes no request by it any more."""
        return url_expiry(self.now, self.expires_in_seconds)

    def to_put(self, upload: Upload) -> dict[str, Any]:
        """Allow one PUT of just this length, type and checksum, taken once."""
        headers = {
            "Content-Length": str(upload.declared.size_bytes),
            **object_headers(upload.declared, self.kms_key_arn),
            "If-None-Match": "*",  # an object is written once: what was processed cannot be swapped afterwards
        }
        url = presign(
            "PUT",
            self.bucket,
            upload.ref.object_key,
            self.credentials,
            headers=headers,
            expires_in_seconds=self.expires_in_seconds,
            now=self.now,
        )
        return {"url": url, "headers": headers}

    def to_post(self, upload: Upload) -> dict[str, Any]:
        """Allow a browser's form with a file of just this length and checksum.

        S3 knows no If-None-Match here: a form sent twice makes a second version, and the first one is processed.
        """
        size_bytes = upload.declared.size_bytes
        form = presign_post(
            self.bucket,
            upload.ref.object_key,
            self.credentials,
            fields=object_headers(upload.declared, self.kms_key_arn),
            size_range=(size_bytes, size_bytes),
            expires_in_seconds=self.expires_in_seconds,
            now=self.now,
        )
        return {"url": form.url, "fields": form.fields}


def object_headers(declared: UploadRequest, kms_key_arn: str) -> dict[str, str]:
    """What an object of one request is to be: its type, its encryption, and the bytes by their checksum."""
    headers = described_object(declared, kms_key_arn)
    if declared.checksum:
        headers[declared.checksum.algorithm.header] = declared.checksum.value
    return headers


def described_object(declared: UploadRequest, kms_key_arn: str) -> dict[str, str]:
    """What an object is to be, but for its bytes: of its type, and encrypted as the bucket is."""
    headers = {"Content-Type": declared.content_type, ENCRYPTION_HEADER: "aws:kms"}
    if kms_key_arn:
        headers[KMS_KEY_HEADER] = kms_key_arn
    return headers
