"""The built-in processor for any file: size, SHA-256 and sniffed type, in the memory of one chunk."""

import hashlib
from typing import Any

import filetype  # pyright: ignore[reportMissingTypeStubs]

from handlers.domain.media_types import HEAD_BYTES
from handlers.processors import Job


def process(job: Job) -> dict[str, Any]:
    """Return size_bytes, sha256 (hex), sniffed_type (None where no signature is known) and declared_type."""
    digest, size_bytes, head = hashlib.sha256(), 0, b""
    for chunk in job.chunks():
        digest.update(chunk)
        size_bytes += len(chunk)
        if len(head) < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - len(head)]
    return {
        "size_bytes": size_bytes,
        "sha256": digest.hexdigest(),
        "sniffed_type": filetype.guess_mime(head),  # pyright: ignore[reportUnknownMemberType]
        "declared_type": job.content_type,
    }
