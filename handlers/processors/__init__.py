"""Processors: what is done with an uploaded object, and the contract that a team's own one keeps.

A processor is a function `process(job: Job) -> Mapping[str, object]`, named to the ProcessingPipeline as
`module.function`:

- it is called with objects that have been verified: size, checksum and type are as declared;
- it reads the object as a stream with `job.chunks()`, or as a seekable file with `job.open()`, in bounded memory. Its
  own clients can read it from `job.bucket`, `job.key` and `job.version_id`: its role may read no object without its
  version;
- what it returns must be a mapping that is JSON, of at most MAX_RESULT_BYTES; it is stored in the results bucket, and
  its key in the upload's status;
- it may be called again for the same upload (`job.attempt` counts): it must be idempotent;
- it raises `Unprocessable` with a sentence for the uploader where trying again cannot help; any other exception
  is tried again, and at last ends the upload in `failed` with the message in the dead-letter queue;
- it runs in a child process of its own, which imports its module for each job: nothing stays in memory for the next
  job, and all that it changes in its process (environment, folder, modules, streams, signals) ends with it;
- it may report how far it is with `job.progress(fraction, note)`;
- with `step_functions_processors`, several processors run for each upload. One that runs after others reads in
  `job.earlier` what they returned, by their names. The upload's result has each processor's result by its name;
- the processor of `step_functions_map_processor` is called for each batch of a file's records, with `job.records`, at
  the same time as for other batches. What it returns for a batch is at most MAX_BATCH_RESULT_BYTES of JSON. A batch for
  which it raises an exception fails alone; the upload fails if that leaves out more records than are tolerated.
  `job.progress` is not shown;
- `job.workspace` is an empty folder of the job's own for files, which is deleted after it. `tempfile` and TMPDIR use
  the same folder. With `workspace: efs` (a workflow on Step Functions), `job.workspace` is a folder that all processors
  of the upload share, of any size. A processor finds there what others have written, and so does a further try of the
  same processor. `job.open()` and `job.chunks()` then read a copy of the object in the same file system;
- it has to end before the function's timeout: RECORDING_SECONDS (handlers/use_cases/job_run.py) earlier its
  process is killed, and its threads and the processes of its session with it. That counts as a failed try, with
  `TimeoutError`.

It may use more than its object:

- `processor_environment` sets variables, except those of JobEnvironment below and names that Lambda reserves. They
  reach Portage's own code as well: HTTPS_PROXY, for example, is for its calls of AWS too;
- `processor_statements` allows its role actions on resources, such as reading a secret or invoking a model. The
  pipeline's output `processor_role_name` names the role, so that other programs can allow more;
- `processor_distributions` ships installed Python distributions, with all that they require. They must be pure Python;
- `processor_requirements` names a requirements file with hashes, of libraries that may have native code. They come in a
  layer, as pip installs them for Python 3.13 on the functions' architecture. Local mode uses those that are
  installed on this machine.

Its code is a folder or a zip file, with all that it imports and that is not shipped by `processor_distributions`. A
function can also have it from a zip file in S3 (`processor_code_bucket`), or in an image (`function_image`):

- it runs on Python 3.13 on arm64, or on x86_64 with `function_architecture`. Native code must be for them:
  `pip install --platform manylinux2014_aarch64 --python-version 3.13 --only-binary=:all: --target FOLDER NAME`.
  Local mode runs the same code on this machine, where native code for arm64 may not run;
- no module at its top has the name of one of Python's own, of Lambda's (boto3, botocore, s3transfer), or of
  `handlers` or `filetype`: the process uses those;
- of a folder everything is shipped but dot files, private keys and what tools write;
  components/compute/code_archive.py has the list. A zip file is shipped as it is, and must hold no dot file and no
  private key;
- a link must lead to a file in the same folder;
- all code together, ours included, is at most 250 MB unpacked and 50 MB zipped (Lambda quotas).

Portage refuses code that breaks these rules or is not valid Python before it makes any resource. The Python that runs
the Pulumi program checks this, so syntax newer than that Python is refused too.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

TEAM_CODE = Path(__file__).parents[2] / "processor"
"""Where the ProcessingPipeline puts a team's own code archive, beside handlers/."""


PROCESSOR_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
"""`module.function`, where the module may be inside packages."""


MAX_RESULT_BYTES = 16 * 1024**2
"""A result is read by the upload's owner; it passes through the function's memory several times."""


MAX_BATCH_RESULT_BYTES = 192 * 1024
"""A state of Step Functions holds 256 KiB, with what Lambda and Step Functions add to a result."""


class Unprocessable(Exception):
    """Trying again cannot help; the message is a sentence that the uploader reads."""


class ReportProgress(Protocol):
    """Called by a processor."""

    def __call__(self, fraction: float, note: str = "") -> None:
        """Report a fraction from 0 to 1, and a note."""
        ...


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
    """The version to read: that of the event, even if there is a newer one."""
    attempt: int
    """1 for the first try."""
    chunks: Callable[[], Iterator[bytes]]
    """Streams the object from its start, 1 MiB at a time."""
    open: Callable[[], BufferedReader]
    """Opens the object as a read-only, seekable file, for libraries such as zipfile, csv and Pillow.

    A file needs up to 12 MiB of memory, for objects of any size: it requests ranges of 256 KiB after a seek, and
    doubles them up to 8 MiB while it is read on. `read()` without a size returns the whole object, so it needs the
    object's size in memory.
    """
    progress: ReportProgress
    """Reports how far the job is: a fraction from 0 to 1, and optionally a note of up to 200 characters.

    `GET /uploads/{upload_id}` shows both to the uploader while the upload is processed. Each renewal of the lease
    records the last report, every 20 seconds; a function with a timeout of up to a minute renews no lease. A report
    sends no request, and a report that is not recorded does not fail the job.
    """
    workspace: Path
    """An empty folder of the job's own, which is deleted after it. On Lambda it has 512 MB, or
    `function_storage_mb`.

    With `workspace: efs`, all processors of the upload share it, and it has no limit.
    """
    earlier: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What processors before this one returned for the upload, by name: `module.function`. Empty if it is the first."""
    records: Sequence[Any] = ()
    """The batch of records of `step_functions_map_processor`, in the file's order; empty for any other processor.

    A record of a CSV file is a dictionary of texts by the names in the first row, one of JSON Lines its line's value.
    """


Processor = Callable[[Job], Mapping[str, object]]


@dataclass(frozen=True)
class JobEnvironment:
    """The environment variables that the ProcessingPipeline component sets for a job, on any compute."""

    uploads_table: str
    ingest_bucket: str
    results_bucket: str
    quarantine_bucket: str
    """Empty where rejected objects are deleted."""
    queue_url: str
    processor: str
    """The one that gets what no rule matches."""
    processors: str
    """The rules of routing.py, as write_rules writes them."""
    max_attempts: int
    malware_scan: str
    """`required` where objects are processed only by the event of their scan, or `off`."""
    unscannable_objects: str
    """`reject` or `process`."""
    allowed_content_types: tuple[str, ...]
    """What may be declared, as create_upload has it; everything where it is empty."""


WORKSPACE_VARIABLE = "WORKSPACE_PATH"
"""Where the functions of a workflow with a shared workspace have it; not set in others."""

JOB_VARIABLES = frozenset((WORKSPACE_VARIABLE, *(name.upper() for name in JobEnvironment.__annotations__)))
"""Names that the processor's own variables cannot have."""


@dataclass(frozen=True)
class WorkerEnvironment:
    """The environment variables that a compute with containers sets, beside those of JobEnvironment."""

    worker_memory_mb: int
    """Of the container."""
    worker_job_memory_mb: int
    """For one job at most, its slot included."""
    worker_job_seconds: int
    """For one job at most."""
    worker_stop_seconds: int
    """From SIGTERM until the container is killed."""
    log_level: str


WORKER_VARIABLES = frozenset(name.upper() for name in WorkerEnvironment.__annotations__)
"""Names that they cannot have in a container either."""


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


def result_json(result: Mapping[str, object], limit: int = MAX_RESULT_BYTES) -> str:
    """Write a result as JSON; raises TypeError or ValueError for what is none, ValueError for too much of it."""
    if not isinstance(result, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a team's code made it
        raise TypeError(f"The processor returned {type(result).__name__}, but must return a mapping.")
    text = json.dumps(dict(result), sort_keys=True, allow_nan=False)
    if len(text) > limit:
        raise ValueError(
            f"The processor's result has {len(text)} bytes as JSON, but at most {limit} are stored. Return less."
        )
    return text
