"""A platform team's own processor, as their own archive would hold it: what it does is in the file's name."""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import gettempdir

from handlers.processors import Job, Unprocessable


def process(job: Job) -> Mapping[str, object]:
    if job.file_name == "raises.bin":
        raise RuntimeError("a secret of the processor")
    if job.file_name == "recovers.bin" and job.attempt == 1:
        raise ConnectionError("the first try meets a fault that passes")
    if job.file_name == "unprocessable.bin":
        raise Unprocessable("The file has no pages.")
    if job.file_name == "hangs.bin":
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(60)
    if job.file_name == "kills.bin" and not (killed := Path(gettempdir()).parent / job.upload_id).exists():
        killed.touch()
        os.kill(os.getppid(), signal.SIGKILL)  # the function itself, as Lambda does: nobody records anything
        time.sleep(60)
    return {"processed_by": "the team", "size_bytes": sum(len(chunk) for chunk in job.chunks())}
