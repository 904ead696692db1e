"""Processors: what is done with an uploaded object, and the contract that a team's own one keeps.

A processor is a function `process(job: Job) -> Mapping[str, object]`, named to the ProcessingPipeline as
`module.function`:

- it is called with objects that have been verified: size, checksum and type are as declared;
- it reads the object through `job.chunks()`, or with its own clients from `job.bucket`, `job.key` and
  `job.version_id`: the function's role may read no object without its version;
- what it returns must be JSON; it is stored in the results bucket, and its key in the upload's status;
- it may be called again for the same upload (`job.attempt` counts): it must be idempotent;
- it raises `Unprocessable` with a sentence for the uploader where trying again cannot help; any other exception
  is tried again, and at last ends the upload in `failed` with the message in the dead-letter queue;
- it has to end before the function's timeout, or it is interrupted by `TimeoutError`, which counts as a failed try.

Its code is a folder or a zip file, with all that it imports:

- it runs on Python 3.13 on arm64. Native code must be for both:
  `pip install --platform manylinux2014_aarch64 --python-version 3.13 --only-binary=:all: --target FOLDER NAME`.
  Local mode runs the same code on this machine, where native code for arm64 may not run;
- no module at its top has the name of one of Python's own, of Lambda's (boto3, botocore, s3transfer), or of
  `handlers` or `filetype`: the process uses those;
- of a folder everything is shipped but dot files, private keys and what tools write; components/code_archive.py has the
  list. A zip file is shipped as it is, and must hold no dot file and no private key;
- a link must lead to a file in the same folder;
- all code together, ours included, is at most 250 MB unpacked and 50 MB zipped (Lambda quotas).

What breaks these rules, or is no Python, is refused before anything is made.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TEAM_CODE = Path(__file__).parents[2] / "processor"
"""Where the ProcessingPipeline puts a team's own code archive, beside handlers/."""


PROCESSOR_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.function`, where the module may be inside packages."""


class Unprocessable(Exception):
    """Trying again cannot help; the message is a sentence that the uploader reads."""


@dataclass(frozen=True)
class Job:
    """One object handed to a processor."""

    owner: str
    upload_id: str
    file_name: str
    content_type: str
    size_bytes: int
    bucket: str
    key: str
    version_id: str
    """The version to read: what the event announced, whatever has been written since."""
    attempt: int
    """1 for the first try."""
    chunks: Callable[[], Iterator[bytes]]
    """Streams the object from its start, 1 MiB at a time."""


Processor = Callable[[Job], Mapping[str, object]]


def load_processor(name: str) -> Processor:
    """Import `module.function`, from the team's code where there is any.

    Raises ValueError for a name of another form, ImportError or AttributeError where there is no such function.
    """
    if not re.fullmatch(PROCESSOR_PATTERN, name):
        raise ValueError(f"The processor is {name!r}, but must be of the form module.function.")
    module, _, function = name.rpartition(".")
    if TEAM_CODE.is_dir() and str(TEAM_CODE) not in sys.path:
        sys.path.insert(0, str(TEAM_CODE))
    processor: Processor = getattr(importlib.import_module(module), function)
    return processor
