"""The use case behind the queue: take one uploaded object to completed, rejected or failed, in one run.

Every compute that receives the queue's messages itself runs this use case. What differs between them comes in: the
time that is left, and how work is isolated.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from handlers.domain.declaration import UploadRequest
from handlers.domain.rejection import Rejection
from handlers.domain.upload import Status
from handlers.storage.job_queue import Delivery
from handlers.use_cases.isolated_work import Processed, Refused, read_outcome, write_outcome
from handlers.use_cases.job_record import LeasedElsewhere, ScanMissing, log_fields
from handlers.use_cases.job_run import JobRun, kind_of
from handlers.use_cases.lease import Lease, LeaseLost, keep_hidden

log = logging.getLogger(__name__)

SHORTEST_WORK_SECONDS = 1.0
"""A run begins only with at least this time: otherwise its TimeoutError would not mean that the processor is slow."""


class JobFailed(Exception):
    """A try failed for any reason: the queue has to deliver the message again."""


class NoTimeLeft(Exception):
    """Too little time is left to begin. The upload is unchanged, and the queue must deliver the message again."""


class Interrupted(NoTimeLeft):
    """The process has to end before the work does. The upload is given back, for a run elsewhere to begin at once."""


@dataclass(frozen=True)
class ProcessObject(JobRun):
    """Runs the job of one delivery."""

    def process(self, delivery: Delivery, on_declared: Callable[[UploadRequest], None] = lambda _: None) -> Status:
        """Take the upload from uploaded to completed, rejected or failed, and return how it ended.

        A duplicate or late event changes nothing. `on_declared` is called with what was declared of an upload that
        this run has leased.

        Raises UnknownUpload, NoTimeLeft, LeasedElsewhere, ScanMissing, or JobFailed with its cause: then the queue
        delivers again, at last into its dead-letter queue.
        """
        ref = self._job.upload_of(delivery)
        if (seconds := self._work_seconds()) < SHORTEST_WORK_SECONDS:
            raise NoTimeLeft(f"{max(seconds, 0):.1f} s are left, but a run needs {SHORTEST_WORK_SECONDS} s to begin.")
        lease = self._lease(ref, delivery)
        declared = self._job.take(lease)
        try:
            if declared is None:
                return self._job.finish(ref, delivery)
            on_declared(declared)
            return self._job.end_unscanned(ref, delivery) or self._work(lease, declared)
        except (LeasedElsewhere, ScanMissing):
            raise
        except Exception as error:
            kind = kind_of(error)
            if delivery.attempt < self.max_attempts or isinstance(error, NoTimeLeft):
                lease.give_back()
            else:
                self._job.fail_after_tries(ref, delivery, kind, delivery.attempt)
            raise JobFailed(f"Try {delivery.attempt} of {self.max_attempts} ended in {kind}.") from error

    def _put_away(self, delivery: Delivery) -> None:
        self._isolated(
            lambda: self.work.objects.put_away(delivery.version) or "",
            while_working=keep_hidden(delivery, self.renewals.queue, self.bounds),
        )

    def _work(self, lease: Lease, declared: UploadRequest) -> Status:
        ref, delivery = lease.ref, lease.delivery
        try:
            answer = self._isolated(
                lambda: write_outcome(self.work.run(ref, delivery, declared, lease.progress.write)),
                while_working=lease.renew_if_due,
            )
        except LeaseLost:
            log.warning(
                "The run was stopped, because it lost its lease.", extra=log_fields(ref, delivery), exc_info=True
            )
            return self._job.finish(ref, delivery)
        match read_outcome(answer):
            case Processed(result=result):
                if self._job.complete(lease, result, self.results):
                    return Status.COMPLETED
                return self._job.finish(ref, delivery)
            case Refused(detail=detail):
                self._job.fail(ref, delivery, "unprocessable", detail)
                return Status.FAILED
            case Rejection() as rejection:
                return self._job.reject(ref, delivery, rejection)

    def _isolated(self, work: Callable[[], str], while_working: Callable[[], None]) -> str:
        if self._work_seconds() <= 0:
            raise NoTimeLeft("Nothing is left of the time to work.")
        return super()._isolated(work, while_working)
