"""Starts and aborts an upload in parts at S3. multipart.py lists the parts and completes it."""

from typing import NamedTuple

from handlers.aws.client import AwsError
from handlers.aws.s3_client import AwsS3
from handlers.domain.declaration import UploadRequest
from handlers.domain.upload import Multipart, UploadRef
from handlers.storage.upload_signer import described_object


class PartOpening(NamedTuple):
    """Lets parts come, and no longer; the parts themselves are sent by clients."""

    s3: AwsS3

    def open(self, ref: UploadRef, declared: UploadRequest, kms_key_arn: str) -> str:
        """Let parts come, each with a checksum where the file was declared by one, and return S3's id of the upload."""
        headers = described_object(declared, kms_key_arn)
        if declared.checksum:
            headers["x-amz-checksum-algorithm"] = declared.checksum.algorithm.upper()
            # S3 offers the checksum of a whole object for CRC32 alone; of parts' checksums, for both.
            headers["x-amz-checksum-type"] = "COMPOSITE"
        return self.s3.create_multipart_upload(ref.object_key, headers)

    def give_up(self, ref: UploadRef, multipart: Multipart) -> None:
        """Delete the parts, and let no more come; where they are gone already, that is as good.

        A part that is on its way may still arrive: the bucket's lifecycle rule deletes it.
        """
        try:
            self.s3.abort_multipart_upload(ref.object_key, multipart.multipart_id)
        except AwsError as fault:
            if fault.code != "NoSuchUpload":
                raise
