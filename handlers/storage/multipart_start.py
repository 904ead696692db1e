"""Starts and aborts multipart uploads with the light client: create_upload must not import boto3.

multipart_completion.py lists the parts and completes the upload.
"""

from typing import NamedTuple

from handlers.aws.client import AwsError
from handlers.aws.s3_client import AwsS3
from handlers.domain.declaration import UploadRequest
from handlers.domain.upload import Multipart
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_signer import described_object


class MultipartStart(NamedTuple):
    """Starts uploads in parts, and aborts those that are not to be completed."""

    s3: AwsS3

    def start(self, ref: UploadRef, declared: UploadRequest, kms_key_arn: str) -> str:
        """Return S3's id of a new multipart upload. Each part needs a checksum if the file was declared with one."""
        headers = described_object(declared, kms_key_arn)
        if declared.checksum:
            headers["x-amz-checksum-algorithm"] = declared.checksum.algorithm.upper()
            # S3 offers the checksum of a whole object only for CRC32, but the checksum of parts for both algorithms.
            headers["x-amz-checksum-type"] = "COMPOSITE"
        return self.s3.create_multipart_upload(ref.object_key, headers)

    def abort(self, ref: UploadRef, multipart: Multipart) -> None:
        """Delete the parts, and accept no more. Does nothing if S3 no longer has the upload.

        A part that is being sent may still arrive: the bucket's lifecycle rule deletes it.
        """
        try:
            self.s3.abort_multipart_upload(ref.object_key, multipart.multipart_id)
        except AwsError as error:
            if error.code != "NoSuchUpload":
                raise
