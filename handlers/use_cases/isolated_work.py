"""The part of a job that runs in a child process: verification of the object, and the processor.

The child's only answer is text. An outcome is written and read here.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.domain.rejection import Rejection
from handlers.domain.upload_ref import UploadRef
from handlers.processors import MAX_RESULT_BYTES, Job, Processor, ReportProgress, Unprocessable, result_json
from handlers.storage.job_queue import Delivery
from handlers.storage.objects import ObjectStore, ObjectVersion
from handlers.storage.workspace import ExecutionFolder
from handlers.use_cases.verification import verify

LONGEST_DETAIL = 1_000
"""Characters of a sentence in a record; DynamoDB rejects a record of over 400 KB, which would lose the failure."""


@dataclass(frozen=True)
class Processed:
    """The processor returned a result."""

    result: str
    """As JSON."""


@dataclass(frozen=True)
class Refused:
    """The processor raised Unprocessable."""

    detail: str


Outcome = Processed | Refused | Rejection
"""How the work ended; anything else is an error, after which the job is tried again."""

_SENTENCES: dict[str, type[Refused | Rejection]] = {each.__name__: each for each in (Refused, Rejection)}


def write_outcome(outcome: Outcome) -> str:
    """Write an outcome as the child's answer: its class, a colon, and the result or the class's fields as JSON."""
    # A result is JSON already; as a string within JSON it could be twice as long.
    text = outcome.result if isinstance(outcome, Processed) else json.dumps(asdict(outcome))
    return f"{type(outcome).__name__}:{text}"


def read_outcome(answer: str) -> Outcome:
    """Read a child's answer."""
    name, _, text = answer.partition(":")
    return Processed(text) if name == Processed.__name__ else _SENTENCES[name](**json.loads(text))


Isolated = Callable[[Callable[[], str], float, Callable[[], None]], str]
"""Runs work in a process of its own for at most this many seconds; see child_process.run_in_child."""


@dataclass(frozen=True)
class _ObjectInS3:
    """Reads an object as ExecutionFolder does."""

    objects: ObjectStore
    version: ObjectVersion
    size_bytes: int

    def chunks(self) -> Iterator[bytes]:
        return self.objects.chunks(self.version)

    def open(self) -> BufferedReader:
        return self.objects.open(self.version, self.size_bytes)


@dataclass(frozen=True)
class IsolatedWork:
    """What the work needs in addition to its job."""

    objects: ObjectStore
    load_processor: Callable[[UploadRequest], Processor]
    """Returns the processor of an upload with this declaration."""
    process_unscannable: bool
    """Whether an object that the malware scan could not look into is processed, instead of rejected."""
    allowed_content_types: Sequence[str]
    """What may be declared; everything where it is empty."""

    def run(self, ref: UploadRef, delivery: Delivery, declared: UploadRequest, report: ReportProgress) -> Outcome:
        """Verify the object, and process it if it is as declared; raises the processor's errors."""
        return self.rejection(delivery, declared) or self.process(ref, delivery, declared, report)

    def process(
        self,
        ref: UploadRef,
        delivery: Delivery,
        declared: UploadRequest,
        report: ReportProgress,
        *,
        earlier: Mapping[str, Any] = MappingProxyType({}),
        folder: ExecutionFolder | None = None,
        records: Sequence[Any] = (),
        limit: int = MAX_RESULT_BYTES,
    ) -> Processed | Refused:
        """Process an object that has been verified, or a batch of its records; raises the processor's errors.

        `earlier` is what other processors have returned for the same upload, by name. `folder` is in the shared
        workspace, if there is one. `limit` is of the result's bytes.
        """
        in_s3 = _ObjectInS3(self.objects, delivery.version, declared.final_size_bytes)
        reader = folder if folder and folder.has_object(declared.final_size_bytes) else in_s3
        job = Job(
            owner=ref.owner,
            upload_id=ref.upload_id,
            file_name=declared.file_name,
            content_type=declared.content_type,
            size_bytes=declared.final_size_bytes,
            bucket=delivery.bucket,
            key=delivery.key,
            version_id=delivery.version_id,
            attempt=delivery.attempt,
            chunks=reader.chunks,
            open=reader.open,
            progress=report,
            earlier=earlier,
            records=records,
            # child_process.py makes a temporary folder for each child.
            workspace=folder.begin() if folder else Path(tempfile.gettempdir()),
        )
        try:
            return Processed(result_json(self.load_processor(declared)(job), limit))
        except Unprocessable as error:
            return Refused(str(error)[:LONGEST_DETAIL])

    def rejection(self, delivery: Delivery, declared: UploadRequest) -> Rejection | None:
        """Return how the object differs from its declaration, or why it is not safe, or None."""
        if delivery.scan:
            found = delivery.scan.rejection(declared.final_size_bytes, process_unscannable=self.process_unscannable)
            if found:
                return found
        return verify(self.objects, delivery.version, declared, allowed_content_types=self.allowed_content_types)
