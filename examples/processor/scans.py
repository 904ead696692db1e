"""A team's own processor: reads the version of a scanned PDF and counts its bytes."""

import os
import re
from collections.abc import Mapping

from handlers.processors import Job, Unprocessable


def process(job: Job) -> Mapping[str, object]:
    """Return what the upload's result contains."""
    version, size_bytes = None, 0
    for chunk in job.chunks():
        if size_bytes == 0:
            version = re.match(rb"%PDF-(\d\.\d)", chunk)
        size_bytes += len(chunk)
    if version is None:
        raise Unprocessable("The file is not a PDF.")
    return {"pdf_version": version[1].decode(), "size_bytes": size_bytes, "archive": os.environ["ARCHIVE"]}
