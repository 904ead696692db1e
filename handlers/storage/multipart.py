"""The parts of an upload, as S3 keeps them until they are one object; multipart_start.py starts and aborts."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.domain.errors import SizeMismatch
from handlers.domain.upload import Multipart, Upload, UploadRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_SIZE_HEADER = "x-amz-mp-object-size"
"""The header of MpuObjectSize."""


class PartsGone(Exception):
    """S3 no longer has the parts: they are an object already, or were deleted."""


class PartsBusy(Exception):
    """S3 is working on the same object for another request, and left the parts as they are."""


@dataclass(frozen=True)
class HeldPart:
    """A part that S3 has."""

    part_number: int
    size_bytes: int
    etag: str
    checksum: str | None = None
    """In base64; only where the file was declared by one."""


class PartStore:
    """Looks through the parts of uploads, and puts them together; the parts themselves are sent by clients."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def held(self, upload: Upload, multipart: Multipart) -> list[HeldPart]:
        """List all parts that are there, by number; raises PartsGone."""
        ref, checksum = upload.ref, _checksum_name(upload)
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=ref.object_key, UploadId=multipart.multipart_id
        )
        with _gone_after("NoSuchUpload"):
            return [
                HeldPart(part.get("PartNumber", 0), part.get("Size", 0), part.get("ETag", ""), part.get(checksum or ""))
                for page in pages
                for part in page.get("Parts", [])
            ]

    def put_together(self, upload: Upload, multipart: Multipart, parts: Sequence[HeldPart]) -> None:
        """Make the parts the object, unless there is one already.

        Raises PartsGone, PartsBusy, or SizeMismatch where S3 counts other bytes than were declared.
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
                MpuObjectSize=multipart.parts.size_bytes,
            )

    def has_object(self, ref: UploadRef) -> bool:
        """Return whether the object exists, by listing it, which unlike HEAD needs no right to read it."""
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=ref.object_key, MaxKeys=1)
        return any(entry.get("Key") == ref.object_key for entry in answer.get("Contents", []))


def _checksum_name(upload: Upload) -> str | None:
    """What S3's API calls the parts' checksums."""
    checksum = upload.declared.checksum
    return f"Checksum{checksum.algorithm.upper()}" if checksum else None


@contextmanager
def _completion_errors() -> Generator[None]:
    """Raise PartsBusy or SizeMismatch for the errors of S3 that mean it."""
    try:
        yield
    except ClientError as fault:
        if _code(fault) == "ConditionalRequestConflict":
            raise PartsBusy(str(fault)) from fault
        # S3's code for another size is InvalidRequest, which it has for much else.
        if _code(fault) == "InvalidRequest" and _SIZE_HEADER in str(fault):
            raise SizeMismatch(
                "S3 counts other bytes in the parts than the upload was declared with; send the parts again, and "
                "complete again."
            ) from fault
        raise


@contextmanager
def _gone_after(*codes: str) -> Generator[None]:
    try:
        yield
    except ClientError as fault:
        if _code(fault) not in codes:
            raise
        raise PartsGone(str(fault)) from fault


def _code(fault: ClientError) -> str | None:
    return fault.response.get("Error", {}).get("Code")
