"""A light client of two calls of S3, which start and abort a multipart upload.

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
    """Multipart uploads of one bucket; the keyword arguments are AwsClient's."""

    def __init__(self, bucket: Bucket, **timing: Any) -> None:
        super().__init__("s3", bucket.region, bucket.origin, **timing)
        self._bucket = bucket

    def create_multipart_upload(self, key: str, headers: Mapping[str, str]) -> str:
        """Start a multipart upload and return S3's id of it; the headers describe the future object."""
        request = Request("POST", f"{self._bucket.path_to(key)}?uploads=", headers, b"")
        answer = self._answer("CreateMultipartUpload", request)
        multipart_id = _element("UploadId", answer.body)
        if not multipart_id:
            raise NoAnswer(f"S3 started a multipart upload, but its answer has no UploadId: {answer.body[:200]!r}")
        return multipart_id

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:
        """Delete the parts; S3 accepts no more of them."""
        target = f"{self._bucket.path_to(key)}?uploadId={quoted(multipart_id)}"
        self._answer("AbortMultipartUpload", Request("DELETE", target, {}, b""))

    def _error(self, answer: Answer) -> AwsError:
        code = _element("Code", answer.body) or str(answer.status)
        return AwsError(code, _element("Message", answer.body) or "no message", answer.status, {})


def _element(name: str, document: bytes) -> str:
    """Return the text of an element that occurs at most once; an XML parser would take 15 ms of a cold start."""
    found = re.search(f"<{name}>([^<]*)</{name}>", document.decode(errors="replace"))
    if found and "&" in found[1]:
        from html import unescape  # noqa: PLC0415 - takes 3 ms, and few messages need it

        return unescape(found[1])
    return found[1] if found else ""
