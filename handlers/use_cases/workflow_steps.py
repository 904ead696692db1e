"""The steps of a job on Step Functions: verify, process, record. All runs of one execution have the same run id.

The state machine (components/compute/workflow.py) calls them in order, and again after an error. A step holds the
upload's lease while it works, and leaves it for as long as the next step or the next try needs to begin. A step that
finds the lease with another execution ends quietly, because that one now has the upload.
"""

import json
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from handlers.domain.declaration import UploadRequest
from handlers.domain.delays import retry_delay_seconds
from handlers.domain.errors import UnknownUpload
from handlers.domain.record_formats import record_format
from handlers.domain.rejection import Rejection
from handlers.domain.upload import Status
from handlers.domain.upload_ref import UploadRef
from handlers.processors import Unprocessable, result_json
from handlers.storage.job_queue import Delivery
from handlers.storage.objects import ObjectStore
from handlers.storage.workspace import ExecutionFolder, Workspace
from handlers.use_cases.isolated_work import Processed, Refused, read_outcome, write_outcome
from handlers.use_cases.job_record import LeasedElsewhere, ScanFailed, ScanMissing, log_fields
from handlers.use_cases.job_run import JobRun, kind_of
from handlers.use_cases.lease import Lease, LeaseLost
from handlers.use_cases.record_batches import Counts, HeldLeases, batch_outcome, gathered

log = logging.getLogger(__name__)

HANDOVER_SECONDS = 60.0
"""From the end of a step to the start of the next one, or from a retry's time to its start."""

FETCHED_BYTES_PER_SECOND = 50_000_000
"""What copying an object from S3 surely achieves: 15 GB in the default timeout, 300 seconds."""

MAP_SECONDS = 900.0
"""From the verification to the first batch of a map of records, which Step Functions has to read first."""

_MAP_ERRORS = {
    "States.DataLimitExceeded": "A record, or what a step returned, is larger than a workflow takes.",
    "States.ExceedToleratedFailureThreshold": "More batches of records failed than are tolerated.",
    "States.ItemReaderFailed": "The records could not be read. Check that the file is valid CSV or JSON Lines.",
}
"""What the uploader reads of errors of a map, by their names."""

FINAL_ERRORS = (LeaseLost, ScanFailed, ScanMissing, UnknownUpload, Unprocessable)
"""What no further try can change. The state machine knows them by name."""


class StepFailed(Exception):
    """A try of a step failed. The message is the kind of the error alone: the state machine's history keeps it."""


@dataclass(frozen=True)
class WorkflowSteps(JobRun):
    """Runs a step of a workflow. A step uses only what its role may use."""

    workspace: Workspace | None = None
    """None where each processor reads the object from S3."""
    held_leases: HeldLeases = field(default_factory=HeldLeases)
    """Of this process, for batches of records."""

    def verify(self, delivery: Delivery, *, is_of_records: bool = False) -> UploadRequest | Status:
        """Lease the upload and verify its object; returns what was declared, or how the upload ended instead.

        `processing` means that another run has the upload. Raises Unprocessable where records are processed, but the
        file is not made of records.
        """
        ref = self._job.upload_of(delivery)
        lease = self._lease(ref, delivery)
        with self._try(lease):
            try:
                return self._verified(lease, is_of_records=is_of_records)
            except LeasedElsewhere as elsewhere:
                log.info("Nothing to do: %s", elsewhere, extra=log_fields(ref, delivery))
                return Status.PROCESSING

    def fetch(self, delivery: Delivery, declared: UploadRequest) -> None:
        """Copy the object into the workspace, unless that could take longer than this run may. S3 has it in any case.

        Raises LeaseLost where another run has the upload, or StepFailed.
        """
        ref = self._job.upload_of(delivery)
        lease = self._lease(ref, delivery)
        with self._try(lease):
            if not lease.renew():
                raise LeaseLost("Another run has the upload.")
            folder, size_bytes = self._folder(delivery), declared.final_size_bytes
            if folder and size_bytes <= self._work_seconds() * FETCHED_BYTES_PER_SECOND:

                def store() -> str:
                    folder.store(self.work.objects.chunks(delivery.version), size_bytes)
                    return ""

                self._isolated(store, lease.renew_if_due)
            else:
                log.info("The object stays in S3: it is too large to be copied.", extra=log_fields(ref, delivery))
            lease.leave(HANDOVER_SECONDS)

    def process(self, delivery: Delivery, declared: UploadRequest, processor: str, earlier: Sequence[str]) -> None:
        """Run one processor, and store its result for the step that records, and for later processors.

        `earlier` names the processors that have run before it in the same execution.
        Raises Unprocessable, LeaseLost where another run has the upload, or StepFailed.
        """
        ref = self._job.upload_of(delivery)
        lease = self._lease(ref, delivery)
        with self._try(lease):
            if not lease.renew():
                raise LeaseLost("Another run has the upload.")

            def work() -> str:
                found = {name: json.loads(self._step_result(self.work.objects, delivery, name)) for name in earlier}
                report, folder = lease.progress.write, self._folder(delivery)
                return write_outcome(self.work.process(ref, delivery, declared, report, earlier=found, folder=folder))

            result = _result_in(self._isolated(work, lease.renew_if_due))
            self.results.store_result(ref.step_result_key(delivery.run.run_id, processor), result)
            lease.leave(HANDOVER_SECONDS)

    def process_batch(self, delivery: Delivery, declared: UploadRequest, records: Sequence[Any]) -> Any:
        """Run the processor with a batch of records, and return its result, or None where another run has the upload.

        Raises Unprocessable or StepFailed.
        """
        ref = self._job.upload_of(delivery)
        try:
            if not self._hold(delivery, self.bounds.seconds_left()):
                log.info("Nothing to do: another run has the upload.", extra=log_fields(ref, delivery))
                return None
            answer = self._isolated(lambda: batch_outcome(self.work, delivery, declared, records), lambda: None)
        except Exception as error:
            log.exception("A batch failed.", extra=log_fields(ref, delivery))
            self._hold(delivery, retry_delay_seconds(delivery.attempt, self.max_attempts))
            raise _step_failed(error) from None
        return json.loads(_result_in(answer))

    def gather(self, delivery: Delivery, manifest_key: str, counts: Counts) -> Status:
        """Store the result of a file's batches, and record that the upload is complete; returns the upload's status."""
        return self._complete(delivery, lambda: gathered(self.results, manifest_key, counts))

    def record(self, delivery: Delivery, processors: Sequence[str], *, by_name: bool) -> Status:
        """Store the upload's result, and record that it is complete; returns the upload's status.

        The result is that of the one processor, or with `by_name` each processor's result by its name.
        """

        def result() -> str:
            texts = {name: self._step_result(self.results, delivery, name) for name in processors}
            if by_name:
                return result_json({name: json.loads(text) for name, text in texts.items()})
            return texts[processors[0]]

        return self._complete(delivery, result)

    def fail(self, delivery: Delivery, error: str, cause: str) -> Status:
        """Record the error after which Step Functions does not try again: its name, and what Lambda returned of it.

        Returns the upload's status, which is another than `failed` if another run has the upload.
        """
        ref = self._job.upload_of(delivery)
        if error == Unprocessable.__name__:
            self._job.fail(ref, delivery, "unprocessable", _message_in(cause))
        elif sentence := _MAP_ERRORS.get(error):
            self._job.fail(ref, delivery, "processing-failed", sentence)
        else:
            kind = (_message_in(cause) if error == StepFailed.__name__ else "") or error
            self._job.fail_after_tries(ref, delivery, kind, self.max_attempts)
        return self.records.find(ref).status

    def _complete(self, delivery: Delivery, result: Callable[[], str]) -> Status:
        ref = self._job.upload_of(delivery)
        lease = self._lease(ref, delivery)
        with self._try(lease):
            if self._job.complete(lease, result(), self.results):
                return Status.COMPLETED
            return self.records.find(ref).status

    def _hold(self, delivery: Delivery, seconds: float) -> bool:
        until = self.clock() + timedelta(seconds=seconds + HANDOVER_SECONDS)
        return self.held_leases.hold(self.records, delivery, until)

    def _verified(self, lease: Lease, *, is_of_records: bool) -> UploadRequest | Status:
        ref, delivery = lease.ref, lease.delivery
        declared = self._job.take(lease)
        if declared is None:
            return self._job.finish(ref, delivery)
        if ended := self._job.end_unscanned(ref, delivery):
            return ended

        def verify() -> str:
            rejection = self.work.rejection(delivery, declared)
            return write_outcome(rejection) if rejection else ""

        if answer := self._isolated(verify, lease.renew_if_due):
            rejection = read_outcome(answer)
            assert isinstance(rejection, Rejection)  # noqa: S101 - what `verify` has written
            return self._job.reject(ref, delivery, rejection)
        if is_of_records and record_format(declared.content_type, declared.file_name) is None:
            raise Unprocessable("The file is neither CSV nor JSON Lines by its declared type or the end of its name.")
        lease.leave(MAP_SECONDS if is_of_records else HANDOVER_SECONDS)
        return declared

    @contextmanager
    def _try(self, lease: Lease) -> Generator[None]:
        """Log an error, leave the lease until the next try has begun, and raise StepFailed with the error's kind."""
        try:
            yield
        except FINAL_ERRORS:
            raise
        except Exception as error:
            log.exception("A step failed.", extra=log_fields(lease.ref, lease.delivery))
            lease.leave(retry_delay_seconds(lease.delivery.attempt, self.max_attempts) + HANDOVER_SECONDS)
            raise _step_failed(error) from None

    def _put_away(self, delivery: Delivery) -> None:
        self._isolated(lambda: self.work.objects.put_away(delivery.version) or "", lambda: None)

    def _step_result(self, objects: ObjectStore, delivery: Delivery, processor: str) -> str:
        ref = UploadRef.from_object_key(delivery.key)
        return objects.read_result(ref.step_result_key(delivery.run.run_id, processor))

    def _folder(self, delivery: Delivery) -> ExecutionFolder | None:
        return self.workspace and self.workspace.folder(delivery.message.message_id)


def _result_in(answer: str) -> str:
    """Return the result of a processor that has run in isolation, or raise Unprocessable."""
    match read_outcome(answer):
        case Processed(result=result):
            return result
        case Refused(detail=detail):
            raise Unprocessable(detail)
        case Rejection():
            raise AssertionError("A processor rejects nothing.")


def _step_failed(error: Exception) -> StepFailed:
    """Return what to raise from None: Lambda would return the cause, the processor's own words, to the workflow."""
    return StepFailed(kind_of(error))


def _message_in(cause: str) -> str:
    """Return the message in the JSON with which Lambda describes an exception, or nothing for another text."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return ""
