"""Uploads in parts, as S3 keeps them until they are one object: with objects.py the only code that speaks to S3."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from handlers.uploads.model import Multipart, UploadRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class PartsGone(Exception):
    """S3 has the parts no longer: they are an object already, or were given up."""


@dataclass(frozen=True)
class HeldPart:
    """A part that S3 has."""

    part_number: int
    size_bytes: int
    etag: str


class PartStore:
    """Opens, looks through and closes uploads in parts; the parts themselves are sent by clients."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def open(self, ref: UploadRef, content_type: str) -> str:
        """Let parts come, and return S3's id of the upload."""
        answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=ref.object_key, ContentType=content_type)
        return answer["UploadId"]

    def held(self, ref: UploadRef, multipart: Multipart) -> list[HeldPart]:
        """List all parts that are there, by number; raises PartsGone."""
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=ref.object_key, UploadId=multipart.multipart_id
        )
        with _gone_after("NoSuchUpload"):
            return [
                HeldPart(part.get("PartNumber", 0), part.get("Size", 0), part.get("ETag", ""))
                for page in pages
                for part in page.get("Parts", [])
            ]

    def put_together(self, ref: UploadRef, multipart: Multipart, parts: Sequence[HeldPart]) -> None:
        """Make the parts the object, unless there is one already; raises PartsGone."""
        with _gone_after("NoSuchUpload", "PreconditionFailed"):
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=ref.object_key,
                UploadId=multipart.multipart_id,
                MultipartUpload={"Parts": [{"PartNumber": part.part_number, "ETag": part.etag} for part in parts]},
                IfNoneMatch="*",
            )

    def give_up(self, ref: UploadRef, multipart: Multipart) -> None:
        """Delete the parts, and let no more come; where they are gone already, that is as good.

        A part that is on its way may still arrive: the bucket's lifecycle rule deletes it.
        """
        try:
            with _gone_after("NoSuchUpload"):
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=ref.object_key, UploadId=multipart.multipart_id
                )
        except PartsGone:
            return

    def has_object(self, ref: UploadRef) -> bool:
        """Tell whether the object is there: by listing it, which unlike HEAD needs no right to read it."""
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=ref.object_key, MaxKeys=1)
        return any(entry.get("Key") == ref.object_key for entry in answer.get("Contents", []))


@contextmanager
def _gone_after(*codes: str) -> Generator[None]:
    try:
        yield
    except ClientError as fault:
        if fault.response.get("Error", {}).get("Code") not in codes:
            raise
        raise PartsGone(str(fault)) from fault
