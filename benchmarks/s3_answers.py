"""The answers of nginx for Portage's API and S3: one file for each method and path, see nginx.conf."""

import json
from pathlib import Path
from typing import Any

_LONG_AGO, _LATER = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
_ETAG = '"0"'
"""ETag of every part, as in nginx.conf."""

_XML = "http://s3.amazonaws.com/doc/2006-03-01/"


def write_answers(folder: Path, server: str, *, size_bytes: int, part_size_bytes: int) -> None:
    """Write the answers for one file, for our client and boto3."""
    count = size_bytes // part_size_bytes
    plan = {
        "part_size_bytes": part_size_bytes,
        "part_count": count,
        "session": "session",
        "session_expires_at": _LATER,
    }
    pending = {"upload_id": "u", "status": "pending", "method": "multipart", "expires_in_seconds": 900}
    parts = [{"part_number": number, "size_bytes": part_size_bytes, "etag": _ETAG} for number in range(1, count + 1)]
    uploaded = {
        "upload_id": "u",
        "status": "uploaded",
        "version": 2,
        "file_name": "object",
        "content_type": "application/octet-stream",
        "size_bytes": size_bytes,
        "created_at": _LONG_AGO,
        "updated_at": _LONG_AGO,
    }
    signatures: dict[str, Any] = {
        "url_prefix": f"{server}/bucket/key?uploadId=u&partNumber=",
        "url_suffix": f"&X-Amz-Security-Token={'t' * 900}&X-Amz-Signature=",
        "signatures": ["0" * 64] * count,
        "first_part": 1,
        "expires_at": _LATER,
    }
    answers: dict[str, Any] = {
        "POST/api/uploads": {**pending, **plan, "expires_at": _LATER},
        "POST/api/uploads/u/parts": signatures,
        "GET/api/uploads/u/parts": {**plan, "parts": parts},
        "POST/api/uploads/u/complete": uploaded,
    }
    for place, answer in answers.items():
        path = folder / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answer))
    names = "<Bucket>bucket</Bucket><Key>key</Key>"
    for file, element, content in (
        ("opened.xml", "InitiateMultipartUploadResult", "<UploadId>u</UploadId>"),
        ("completed.xml", "CompleteMultipartUploadResult", f"<ETag>{_ETAG}</ETag>"),
    ):
        (folder / file).write_text(f'<{element} xmlns="{_XML}">{names}{content}</{element}>')
