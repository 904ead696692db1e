"""The two calls of S3 that start and abort an upload in parts, by a light client.

Source: S3 API Reference, CreateMultipartUpload and AbortMultipartUpload.
"""

import re
from collections.abc import Mapping
from typing import Any

from handlers.aws.client import AwsClient, AwsError, NoAnswer, Request
from handlers.aws.endpoints import quoted
from handlers.aws.http_connection import Answer
from handlers.aws.presign import Bucket


class AwsS3(AwsClient):
    """One bucket's uploads in parts; the keyword arguments are AwsClient's."""

    def __init__(self, bucket: Bucket, **timing: Any) -> None:
        super().__init__("s3", bucket.region, bucket.origin, **timing)
        self._bucket = bucket

    def create_multipart_upload(self, key: str, headers: Mapping[str, str]) -> str:
        """Return S3's id of a new upload in parts; headers say what its object will be."""
        request = Request("POST", f"{self._bucket.path_to(key)}?uploads=", headers, b"")
        answer = self._answer("CreateMultipartUpload", request)
        multipart_id = _element("UploadId", answer.body)
        if not multipart_id:
            raise NoAnswer(f"S3 began an upload in parts, but its answer names no UploadId: {answer.body[:200]!r}")
        return multipart_id

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:
        """Delete the parts that are there, and take no more."""
        target = f"{self._bucket.path_to(key)}?uploadId={quoted(multipart_id)}"
        self._answer("AbortMultipartUpload", Request("DELETE", target, {}, b""))

    def _error(self, answer: Answer) -> AwsError:
        code = _element("Code", answer.body) or str(answer.status)
        return AwsError(code, _element("Message", answer.body) or "no message", answer.status, {})


def _element(name: str, document: bytes) -> str:
    """Read an element that the document has once, at most: an XML parser would take 15 ms of a cold start."""
    found = re.search(f"<{name}>([^<]*)</{name}>", document.decode(errors="replace"))
    if found and "&" in found[1]:
        from html import unescape  # noqa: PLC0415 - takes 3 ms, and only some sentences need it

        return unescape(found[1])
    return found[1] if found else ""
