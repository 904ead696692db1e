"""A run of a job on any compute: its clients and limits, and how its record, its lease and its work begin."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from handlers.domain.upload_ref import UploadRef
from handlers.processors.child_process import WorkFailed
from handlers.processors.progress import ProgressBoard
from handlers.storage.job_queue import Delivery, Hides
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import Isolated, IsolatedWork
from handlers.use_cases.job_record import JobRecord
from handlers.use_cases.lease import Bounds, Lease, Renewals

RECORDING_SECONDS = 3.0
"""Reserved at the end of the time that is left, to record how the work ended."""


@dataclass(frozen=True)
class JobRun(ABC):
    """Everything that one run needs. Clock, time and processes are passed in, so that tests can replace them."""

    records: UploadStore
    queue: Hides
    renewals: Renewals
    bucket: str
    """The ingest bucket. An event of another bucket changes nothing."""
    results: ObjectStore
    """Used only outside of the isolated work; `work.objects` is used only inside it."""
    work: IsolatedWork
    max_attempts: int
    """Of a message, or of each step of a workflow."""
    requires_scan: bool
    """Whether an object is processed only by the event of its malware scan."""
    clock: Callable[[], datetime]
    bounds: Bounds
    isolated: Isolated

    @cached_property
    def _job(self) -> JobRecord:
        return JobRecord(
            records=self.records,
            bucket=self.bucket,
            requires_scan=self.requires_scan,
            clock=self.clock,
            put_away=self._put_away,
        )

    @abstractmethod
    def _put_away(self, delivery: Delivery) -> None: ...

    def _lease(self, ref: UploadRef, delivery: Delivery) -> Lease:
        return Lease(
            ref,
            delivery,
            records=self.records,
            queue=self.queue,
            renewals=self.renewals,
            clock=self.clock,
            bounds=self.bounds,
            progress=ProgressBoard(),
        )

    def _isolated(self, work: Callable[[], str], while_working: Callable[[], None]) -> str:
        return self.isolated(work, max(self._work_seconds(), 0), while_working)

    def _work_seconds(self) -> float:
        return self.bounds.seconds_left() - RECORDING_SECONDS


def kind_of(error: Exception) -> str:
    """Return the name of an error's class, or of the error in the child process."""
    return error.kind if isinstance(error, WorkFailed) else type(error).__name__
