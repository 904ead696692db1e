"""Jobs for a processor that is called without a pipeline."""

import tempfile
from pathlib import Path

from handlers.processors import Job
from handlers.storage.object_reader import open_object


def job_of(body: bytes, file_name: str, content_type: str) -> Job:
    return Job(
        owner="me",
        upload_id="1",
        file_name=file_name,
        content_type=content_type,
        size_bytes=len(body),
        bucket="bucket",
        key="uploads/me/1",
        version_id="v1",
        attempt=1,
        chunks=lambda: iter([body]),
        open=lambda: open_object(lambda first, last: iter([body[first : last + 1]]), len(body)),
        progress=lambda fraction, note="": None,  # noqa: ARG005 - as the contract names them
        workspace=Path(tempfile.gettempdir()),
    )
