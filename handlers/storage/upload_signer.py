"""Signs the requests that clients send to S3. Everything that S3 must check is part of the signature."""

from datetime import datetime
from typing import NamedTuple

from handlers.aws.presign import Bucket, Credentials, Form, presign, presign_post
from handlers.domain.declaration import ChecksumAlgorithm, UploadRequest
from handlers.domain.times import url_expiry
from handlers.domain.upload import Upload

ENCRYPTION_HEADER = "x-amz-server-side-encryption"
KMS_KEY_HEADER = f"{ENCRYPTION_HEADER}-aws-kms-key-id"

SENT_HEADERS = (
    "content-type",
    "if-none-match",
    ENCRYPTION_HEADER,
    KMS_KEY_HEADER,
    *(algorithm.header for algorithm in ChecksumAlgorithm),
)
"""All signed headers that a browser may have to send. It sets the length itself."""


class SignedPut(NamedTuple):
    """A PUT of one upload. It must have exactly these headers. The names are the API's."""

    url: str
    headers: dict[str, str]


class UploadSigner(NamedTuple):
    """Signs requests that each allow one upload's bytes to be sent to its key, until they expire."""

    bucket: Bucket
    credentials: Credentials
    kms_key_arn: str
    """The customer's key; empty for AWS's own."""
    expires_in_seconds: int
    now: datetime

    @property
    def expires_at(self) -> datetime:
        """When S3 stops accepting the signed requests."""
        return url_expiry(self.now, self.expires_in_seconds)

    def sign_put(self, upload: Upload) -> SignedPut:
        """Allow one PUT of exactly the declared length, type and checksum, once."""
        headers = {
            "Content-Length": str(upload.declared.final_size_bytes),
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
        return SignedPut(url, headers)

    def sign_form(self, upload: Upload) -> Form:
        """Allow a browser's form with a file of exactly the declared length and checksum.

        S3 has no If-None-Match for forms: a form sent twice makes a second version, but only the first is processed.
        """
        size_bytes = upload.declared.final_size_bytes
        return presign_post(
            self.bucket,
            upload.ref.object_key,
            self.credentials,
            fields=object_headers(upload.declared, self.kms_key_arn),
            size_range=(size_bytes, size_bytes),
            expires_in_seconds=self.expires_in_seconds,
            now=self.now,
        )


def object_headers(declared: UploadRequest, kms_key_arn: str) -> dict[str, str]:
    """Return the headers of an object that is sent in one request: type, encryption and checksum."""
    headers = described_object(declared, kms_key_arn)
    if declared.checksum:
        headers[declared.checksum.algorithm.header] = declared.checksum.value
    return headers


def described_object(declared: UploadRequest, kms_key_arn: str) -> dict[str, str]:
    """Return the headers of any object: its type, and the same encryption as the bucket's."""
    headers = {"Content-Type": declared.content_type, ENCRYPTION_HEADER: "aws:kms"}
    if kms_key_arn:
        headers[KMS_KEY_HEADER] = kms_key_arn
    return headers
