"""Lists the parts of a multipart upload, and completes it. Uses boto3, unlike multipart_start.py.

The clients send the parts.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from handlers.domain.errors import SizeMismatch
from handlers.domain.upload import Multipart, Upload
from handlers.domain.upload_ref import UploadRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_SIZE_HEADER = "x-amz-mp-object-size"
"""The header of MpuObjectSize."""


class PartsGone(Exception):
    """S3 no longer has the parts: the upload was completed or aborted."""


class PartsBusy(Exception):
    """Another request is making the same object, or has sent a part again meanwhile. S3 changed nothing."""


class StoredPart(NamedTuple):
    """A part that S3 has stored. The names are the API's."""

    part_number: int
    size_bytes: int
    etag: str
    checksum: str | None = None
    """In base64, only if the file was declared with one."""


class MultipartCompletion:
    """One bucket's multipart uploads, from their first part to the object."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def list_parts(self, upload: Upload, multipart: Multipart) -> list[StoredPart]:
        """Return all stored parts in the order of their numbers; raises PartsGone."""
        ref, checksum = upload.ref, _checksum_name(upload) or ""
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=ref.object_key, UploadId=multipart.multipart_id
        )
        with _gone_after("NoSuchUpload"):
            return [
                StoredPart(part.get("PartNumber", 0), part.get("Size", 0), part.get("ETag", ""), part.get(checksum))
                for page in pages
                for part in page.get("Parts", [])
            ]

    def complete(self, upload: Upload, multipart: Multipart, parts: Sequence[StoredPart]) -> None:
        """Make one object of the parts, unless there is an object already.

        Its size must be declared. Raises PartsGone, PartsBusy, or SizeMismatch if the parts together have another one.
        """
        ref, checksum = upload.ref, _checksum_name(upload)
        listed: list[Any] = [
            {"PartNumber": part.part_number, "ETag": part.etag, **({checksum: part.checksum} if checksum else {})}
            for part in parts
        ]
        with _gone_after("NoSuchUpload", "PreconditionFailed"), _completion_errors():
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=ref.object_key,
                UploadId=multipart.multipart_id,
                MultipartUpload={"Parts": listed},
                IfNoneMatch="*",
                MpuObjectSize=upload.declared.final_size_bytes,
            )

    def has_object(self, ref: UploadRef) -> bool:
        """Return whether the object exists. Listing it, unlike HEAD, needs no permission to read it."""
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=ref.object_key, MaxKeys=1)
        return any(entry.get("Key") == ref.object_key for entry in answer.get("Contents", []))


def _checksum_name(upload: Upload) -> str | None:
    """Return the field of a part's checksum in S3's API."""
    return f"Checksum{upload.part_checksum.upper()}" if upload.part_checksum else None


@contextmanager
def _completion_errors() -> Generator[None]:
    """Raise PartsBusy or SizeMismatch for the S3 errors that mean these."""
    try:
        yield
    except ClientError as error:
        # InvalidPart: a part that was listed has been replaced before the completion.
        if _code(error) in {"ConditionalRequestConflict", "InvalidPart"}:
            raise PartsBusy(str(error)) from error
        # InvalidRequest is S3's code for a wrong size, but also for other errors.
        if _code(error) == "InvalidRequest" and _SIZE_HEADER in str(error):
            raise SizeMismatch(
                "The parts together do not have the declared size; send the parts again, and complete again."
            ) from error
        raise


@contextmanager
def _gone_after(*codes: str) -> Generator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) not in codes:
            raise
        raise PartsGone(str(error)) from error


def _code(error: ClientError) -> str | None:
    return error.response.get("Error", {}).get("Code")
