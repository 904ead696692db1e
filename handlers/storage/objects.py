"""Objects and results. Only this module, the multipart_*.py modules and aws/s3_client.py call S3."""

import io
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import HTTPClientError, IncompleteReadError

from handlers.domain.declaration import ChecksumAlgorithm
from handlers.domain.upload_ref import UploadRef
from handlers.storage.object_reader import open_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = getLogger(__name__)

CHUNK_BYTES = 1024**2
"""Bytes that are read at a time. Measured: larger chunks are not faster."""

RESUME_DELAYS_SECONDS = (0.2, 0.8, 3.2)
"""Wait before each retry of a broken stream. After new bytes, the first one applies again."""

_BROKEN_OFF = (HTTPClientError, IncompleteReadError, OSError)
"""What reading a body raises if its connection breaks, stalls or ends early. botocore retries only the request."""

MAX_COPIED_AT_ONCE_BYTES = 256 * 1024**2
"""CopyObject takes up to 5 GB, but parts are copied in parallel."""

_COMPOSITE = "COMPOSITE"

_STORED_HEADERS = {
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ContentLanguage": "Content-Language",
    "ExpiresString": "Expires",  # the stored text; botocore leaves out an `Expires` that is not a date
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
    "MissingMeta": "x-amz-missing-meta",  # the number of values that fit no header
}
"""By botocore's names. Source: S3 API Reference, PutObject and HeadObject."""

_TRANSFER_CODING = "aws-chunked"
"""The coding in which SDKs send. S3 removes it from Content-Encoding; some compatible servers do not."""


class ObjectVersion(NamedTuple):
    """One version of one object: the one of an event, even if there is a newer one."""

    bucket: str
    key: str
    version_id: str


class FirstVersion(NamedTuple):
    """The first version of an object, which is the upload's."""

    version: ObjectVersion
    created_at: datetime


class UploadedObjects:
    """Lists what clients have sent, which needs no right to read it."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def version(self, ref: UploadRef, version_id: str) -> ObjectVersion:
        """Return a version of an upload's object."""
        return ObjectVersion(self._bucket, ref.object_key, version_id)

    def first_version(self, ref: UploadRef) -> FirstVersion | None:
        """Return the first version, None if there is no object. S3 lists the versions of a key from the newest on."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=ref.object_key)
        first = None
        for page in pages:
            for each in page.get("Versions", []):
                if each.get("Key") == ref.object_key and "VersionId" in each and "LastModified" in each:
                    first = FirstVersion(self.version(ref, each["VersionId"]), each["LastModified"])
        return first


@dataclass(frozen=True)
class ObjectFacts:
    """What S3 knows of a version without reading it."""

    size_bytes: int
    checksums: Mapping[ChecksumAlgorithm, str]
    """In base64, of the whole object. The composite checksum of a multipart upload is left out: it is of the parts."""
    content_type: str
    metadata: Mapping[str, str]
    """Other headers that S3 stores and returns with the object, by name."""


class ObjectStore:
    """Reads objects as streams, stores results as JSON, and moves rejected objects away."""

    def __init__(self, client: "S3Client", result_bucket: str, quarantine_bucket: str | None = None) -> None:
        self._client = client
        self.result_bucket = result_bucket
        self._quarantine_bucket = quarantine_bucket

    def describe(self, version: ObjectVersion) -> ObjectFacts:
        """Ask S3 for size, checksums and metadata."""
        answer: Mapping[str, Any] = self._client.head_object(**_parameters(version), ChecksumMode="ENABLED")
        checksums = {each: answer.get(f"Checksum{each.upper()}", "-") for each in ChecksumAlgorithm}
        is_whole = answer.get("ChecksumType") != _COMPOSITE
        return ObjectFacts(
            answer["ContentLength"],
            {each: value for each, value in checksums.items() if is_whole and "-" not in value},
            answer["ContentType"],
            _metadata_in(answer),
        )

    def head(self, version: ObjectVersion, size_bytes: int) -> bytes:
        """Read the first bytes of an object that is not empty, or all if there are fewer."""
        return b"".join(self.chunks(version, 0, size_bytes - 1))

    def chunks(self, version: ObjectVersion, first: int = 0, last: int | None = None) -> Generator[bytes]:
        """Stream exactly the version that the event announced, or its bytes from `first` to `last`, both included.

        A stream that breaks off continues with its next byte.
        """
        at, retries = first, iter(RESUME_DELAYS_SECONDS)
        while True:
            answer = self._client.get_object(**_parameters(version), **_range(at, last))
            last = at + answer["ContentLength"] - 1
            try:
                with closing(answer["Body"]) as body:
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        yield chunk
                        at += len(chunk)
                        retries = iter(RESUME_DELAYS_SECONDS)
            except _BROKEN_OFF as error:
                if at <= last:
                    if (delay := next(retries, None)) is None:
                        raise
                    log.warning("The stream broke off at byte %d and is continued: %s", at, error)
                    time.sleep(delay)
                    continue
            return

    def open(self, version: ObjectVersion, size_bytes: int) -> io.BufferedReader:
        """Return exactly this version as a read-only, seekable file."""
        return open_object(lambda first, last: self.chunks(version, first, last), size_bytes)

    def store_result(self, key: str, result: str) -> None:
        """Store a result, which is JSON; the same job's retry overwrites it with its own."""
        self._client.put_object(
            Bucket=self.result_bucket, Key=key, Body=result.encode(), ContentType="application/json"
        )

    def read_result(self, key: str) -> str:
        """Return a result that store_result has stored."""
        return self._client.get_object(Bucket=self.result_bucket, Key=key)["Body"].read().decode()

    def put_away(self, version: ObjectVersion) -> None:
        """Move a version to the quarantine, or delete it if there is none. Does nothing if the version is gone."""
        if self._quarantine_bucket:
            if not self._exists(version):
                return
            self._client.copy(
                CopySource=_parameters(version),
                Bucket=self._quarantine_bucket,
                Key=version.key,
                Config=TransferConfig(
                    multipart_threshold=MAX_COPIED_AT_ONCE_BYTES, multipart_chunksize=MAX_COPIED_AT_ONCE_BYTES
                ),
            )
        self._client.delete_object(**_parameters(version))

    def _exists(self, version: ObjectVersion) -> bool:
        """List the versions, because HEAD returns 403 both for a missing version and for a forbidden one."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=version.bucket, Prefix=version.key)
        listed = (each for page in pages for each in page.get("Versions", []))
        return any((each.get("Key"), each.get("VersionId")) == (version.key, version.version_id) for each in listed)


def _metadata_in(answer: Mapping[str, Any]) -> dict[str, str]:
    metadata = {header: str(answer[name]) for name, header in _STORED_HEADERS.items() if answer.get(name)}
    metadata |= {f"x-amz-meta-{name}": value for name, value in answer.get("Metadata", {}).items()}
    codings = [each.strip() for each in metadata.pop("Content-Encoding", "").split(",")]
    if left := ", ".join(each for each in codings if each and each.lower() != _TRANSFER_CODING):
        metadata["Content-Encoding"] = left
    return metadata


def _range(first: int, last: int | None) -> Any:
    if last is None:
        return {"Range": f"bytes={first}-"} if first else {}
    return {"Range": f"bytes={first}-{last}"}


def _parameters(version: ObjectVersion) -> Any:
    return {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
