"""A platform team's own processor, as their own archive would hold it: what it does is in the file's name."""

import time
from collections.abc import Mapping

from handlers.processors import Job, Unprocessable


def process(job: Job) -> Mapping[str, object]:
    if job.file_name == "raises.bin":
        raise RuntimeError("a secret of the processor")
    if job.file_name == "recovers.bin" and job.attempt == 1:
        raise ConnectionError("the first try meets a fault that passes")
    if job.file_name == "unprocessable.bin":
        raise Unprocessable("The file has no pages.")
    if job.file_name == "hangs.bin":
        time.sleep(60)
    return {"processed_by": "the team", "size_bytes": sum(len(chunk) for chunk in job.chunks())}
