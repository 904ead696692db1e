"""The use case behind the queue: take one uploaded object to completed, rejected or failed.

Every compute runs this use case. What differs between computes comes in: the time that is left, and how work is
isolated.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Rejection
from handlers.domain.upload import LONGEST_RUN, TERMINAL, Status, UploadRef
from handlers.processors.child_process import WorkFailed
from handlers.processors.progress import ProgressBoard
from handlers.storage.job_queue import Delivery, JobQueue
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import (
    LONGEST_DETAIL,
    IsolatedWork,
    Processed,
    Refused,
    read_outcome,
    write_outcome,
)
from handlers.use_cases.lease import Bounds, Lease, LeaseLost, Renewals, keep_hidden

log = logging.getLogger(__name__)

RECORDING_SECONDS = 3.0
"""Reserved at the end of the time that is left, to record how the work ended."""

SHORTEST_WORK_SECONDS = 1.0
"""A run begins only with at least this time: otherwise its TimeoutError would not mean that the processor is slow."""


class JobFailed(Exception):
    """A try failed for any reason: the queue has to deliver the message again."""


class ScanFailed(Exception):
    """The malware scan failed, so the object may be unsafe: the message goes to the dead-letter queue."""


class ScanMissing(Exception):
    """A scan is required, but the event is of the object's creation: the message goes to the dead-letter queue.

    GuardDuty does not scan older objects than its plan, unless an operator asks for it. The upload stays `uploaded`,
    because the result of such a scan completes it.
    """


class NoTimeLeft(Exception):
    """Too little time is left to begin. The upload is unchanged, and the queue must deliver the message again."""


class Interrupted(NoTimeLeft):
    """The process has to end before the work does. The upload is given back, for a run elsewhere to begin at once."""


class LeasedElsewhere(Exception):
    """Another run has the upload. The queue must deliver the message again when that run's lease is over."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"Another run has the upload until {until.isoformat()}.")
        self.until = until


Isolated = Callable[[Callable[[], str], float, Callable[[], None]], str]
"""Runs work in a process of its own for at most this many seconds; see child_process.run_in_child."""


@dataclass(frozen=True)
class ProcessObject:
    """Everything that one delivery needs. Clock, time and processes are passed in, so that tests can replace them."""

    records: UploadStore
    queue: JobQueue
    renewals: Renewals
    bucket: str
    """The ingest bucket. An event of another bucket changes nothing."""
    results: ObjectStore
    """Used only outside of the isolated work; `work.objects` is used only inside it."""
    work: IsolatedWork
    max_attempts: int
    """The number of receipts after which the queue moves a message to its dead-letter queue."""
    requires_scan: bool
    """Whether an object is processed only by the event of its malware scan."""
    clock: Callable[[], datetime]
    bounds: Bounds
    isolated: Isolated

    def process(self, delivery: Delivery, on_declared: Callable[[UploadRequest], None] = lambda _: None) -> Status:
        """Take the upload from uploaded to completed, rejected or failed, and return how it ended.

        A duplicate or late event changes nothing. `on_declared` is called with what was declared of an upload that
        this run has leased.

        Raises UnknownUpload, NoTimeLeft, LeasedElsewhere, ScanMissing, or JobFailed with its cause: then the queue
        delivers again, at last into its dead-letter queue.
        """
        ref = self._upload_of(delivery)
        if (seconds := self._work_seconds()) < SHORTEST_WORK_SECONDS:
            raise NoTimeLeft(f"{max(seconds, 0):.1f} s are left, but a run needs {SHORTEST_WORK_SECONDS} s to begin.")
        self.records.record_uploaded(ref, self.clock(), version_id=delivery.version_id)
        lease = Lease(
            ref,
            delivery,
            records=self.records,
            queue=self.queue,
            renewals=self.renewals,
            clock=self.clock,
            bounds=self.bounds,
            progress=ProgressBoard(),
        )
        declared = None if self._lacks_scan(delivery) else lease.take()
        try:
            if declared is None:
                return self._finish(ref, delivery)
            on_declared(declared)
            if delivery.scan and delivery.scan.has_failed:
                self._fail(ref, delivery, "scan-failed", "The object could not be scanned for malware.")
                return self._finish(ref, delivery)
            return self._work(lease, declared)
        except (LeasedElsewhere, ScanMissing):
            raise
        except Exception as error:
            # The cause goes to the log and to the queue, and only its kind to the uploader.
            kind = error.kind if isinstance(error, WorkFailed) else type(error).__name__
            if delivery.attempt < self.max_attempts or isinstance(error, NoTimeLeft):
                lease.give_back()
            else:
                sentence = f"Processing ended in {kind} at the last of {delivery.attempt} tries."
                self._fail(ref, delivery, "processing-failed", sentence)
            raise JobFailed(f"Try {delivery.attempt} of {self.max_attempts} ended in {kind}.") from error

    def _lacks_scan(self, delivery: Delivery) -> bool:
        return self.requires_scan and delivery.scan is None

    def _upload_of(self, delivery: Delivery) -> UploadRef:
        if delivery.bucket != self.bucket:
            raise UnknownUpload(f"The event is of bucket {delivery.bucket!r}, but uploads are in {self.bucket!r}.")
        return UploadRef.from_object_key(delivery.key)

    def _work(self, lease: Lease, declared: UploadRequest) -> Status:
        ref, delivery = lease.ref, lease.delivery
        try:
            answer = self._isolated(
                lambda: write_outcome(self.work.run(ref, delivery, declared, lease.progress.write)),
                while_working=lease.renew_if_due,
            )
        except LeaseLost:
            log.warning("The run was stopped, because it lost its lease.", extra=_facts(ref, delivery), exc_info=True)
            return self._finish(ref, delivery)
        match read_outcome(answer):
            case Processed(result=result):
                return self._complete(lease, result)
            case Refused(detail=detail):
                self._fail(ref, delivery, "unprocessable", detail)
                return Status.FAILED
            case Rejection() as rejection:
                return self._reject(ref, delivery, rejection)

    def _finish(self, ref: UploadRef, delivery: Delivery) -> Status:
        """Return the status of an upload that has ended; put the delivered version away if the upload does not need it.

        That is a version of a rejected, aborted or expired upload, or one that is not the upload's: a form can be sent
        twice.
        Raises LeasedElsewhere while another run has the upload, ScanMissing if the upload waits for a scan, and
        ScanFailed if the scan of this version failed.
        """
        upload = self.records.find(ref)
        status = upload.status
        is_another = upload.object_version not in {None, delivery.version_id}
        if is_another or status in {Status.REJECTED, Status.ABORTED, Status.EXPIRED}:
            self._isolated(
                lambda: self.work.objects.put_away(delivery.version) or "",
                while_working=keep_hidden(delivery, self.renewals.queue, self.bounds),
            )
        elif status not in TERMINAL and self._lacks_scan(delivery):
            raise ScanMissing(
                f"The upload is {status}, but its object has no malware scan yet. If it came before malwareScan was "
                "switched on, scan it with GuardDuty's SendObjectMalwareScan; or switch malwareScan off and redrive "
                "the message."
            )
        elif status not in TERMINAL:
            raise LeasedElsewhere(upload.leased_until or upload.updated_at + LONGEST_RUN)
        if status is Status.FAILED and delivery.scan and delivery.scan.has_failed:
            raise ScanFailed(f"{delivery.scan.result}: {', '.join(delivery.scan.reasons) or 'no reason given'}")
        log.info("Nothing to process: the upload is %s.", status, extra=_facts(ref, delivery))
        return status

    def _reject(self, ref: UploadRef, delivery: Delivery, rejection: Rejection) -> Status:
        """Record first: after a crash between the two steps, the next try would otherwise not find the object."""
        detail, run_id = _storable(rejection.detail), delivery.run.run_id
        if self.records.record_rejected(ref, self.clock(), run_id=run_id, code=rejection.code, detail=detail):
            log.warning("Upload rejected: %s", detail, extra=_facts(ref, delivery))
        return self._finish(ref, delivery)

    def _complete(self, lease: Lease, result: str) -> Status:
        """Store the result and record it, unless the run has lost its lease: all runs of an upload have one result key.

        The lease is renewed first, so that no other run can take the upload meanwhile. One case is left: this machine
        stands still between the renewal and S3's receipt of the result for longer than the renewed lease, or its clock
        is late by more than CLOCK_MARGIN. Then another run can complete meanwhile, and its result is replaced by this
        one, of the same version of the object.
        """
        ref, delivery = lease.ref, lease.delivery
        if lease.renew():
            self.results.store_result(ref.result_key, result)
            if self.records.record_completed(
                ref, self.clock(), run_id=delivery.run.run_id, result_bucket=self.results.result_bucket
            ):
                log.info("Upload completed.", extra=_facts(ref, delivery))
                return Status.COMPLETED
        return self._finish(ref, delivery)

    def _fail(self, ref: UploadRef, delivery: Delivery, code: str, sentence: str) -> None:
        detail, run_id = _storable(sentence), delivery.run.run_id
        if self.records.record_failed(ref, self.clock(), run_id=run_id, code=code, detail=detail):
            log.error("Upload failed: %s", detail, extra=_facts(ref, delivery))

    def _isolated(self, work: Callable[[], str], while_working: Callable[[], None]) -> str:
        if (seconds := self._work_seconds()) <= 0:
            raise NoTimeLeft("Nothing is left of the time to work.")
        return self.isolated(work, seconds, while_working)

    def _work_seconds(self) -> float:
        return self.bounds.seconds_left() - RECORDING_SECONDS


def _storable(sentence: str) -> str:
    # DynamoDB would reject lone surrogates (of odd file names) and endless text, which would lose the failure.
    return sentence.encode("utf-8", "replace").decode()[:LONGEST_DETAIL]


def _facts(ref: UploadRef, delivery: Delivery) -> dict[str, object]:
    return {
        "upload_id": ref.upload_id,
        "owner": ref.owner,
        "job_id": delivery.run.job_id,
        "run_id": delivery.run.run_id,
        "attempt": delivery.attempt,
    }
