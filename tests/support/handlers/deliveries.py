"""Delivers messages to the use case behind the queue, with processors of the tests' own."""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BufferedReader

import pytest

from handlers.domain.declaration import UploadRequest
from handlers.domain.upload import Run
from handlers.processors import Job, Processor, Unprocessable
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import IsolatedWork
from handlers.use_cases.lease import Bounds, Renewals
from handlers.use_cases.process_object import JobFailed, ProcessObject
from tests.support.aws.moto_cloud import INGEST, LATER, QUARANTINE, REF, RESULTS, Cloud

MAX_ATTEMPTS = 3


@dataclass
class Worker:
    """Delivers messages to the use case, and keeps each job that a processor was handed."""

    cloud: Cloud
    store: UploadStore
    renewing_store: UploadStore
    """The same table, as leases are renewed in it."""
    jobs: list[Job] = field(default_factory=list[Job])
    isolations: list[float] = field(default_factory=list[float])
    """The seconds that each isolated work had."""
    seconds_left: float = 300
    now: datetime = LATER
    quarantine_bucket: str | None = QUARANTINE
    requires_scan: bool = False
    process_unscannable: bool = False
    allowed_content_types: tuple[str, ...] = ()

    while_working: Callable[[], None] = lambda: None
    """Renews the lease of the work that is isolated now, if it is due."""

    def clock_seconds(self) -> float:
        """The time that does not jump; here it follows `now`."""
        return self.now.timestamp()

    def isolated(self, work: Callable[[], str], seconds: float, while_working: Callable[[], None]) -> str:
        """Stands in for a child process: what processors note is seen in this one."""
        self.isolations.append(seconds)
        self.while_working = while_working
        return work()

    def process(
        self,
        delivery: Delivery,
        processor: Processor,
        *,
        load_processor: Callable[[UploadRequest], Processor] | None = None,
    ) -> None:
        def noted(job: Job) -> Mapping[str, object]:
            self.jobs.append(job)
            return processor(job)

        ProcessObject(
            records=self.store,
            queue=JobQueue(self.cloud.sqs, self.cloud.queue_url),
            renewals=Renewals(self.renewing_store, JobQueue(self.cloud.sqs, self.cloud.queue_url)),
            bucket=INGEST,
            results=ObjectStore(self.cloud.s3, RESULTS),
            work=IsolatedWork(
                objects=ObjectStore(self.cloud.s3, RESULTS, self.quarantine_bucket),
                load_processor=load_processor or (lambda _declared: noted),
                process_unscannable=self.process_unscannable,
                allowed_content_types=self.allowed_content_types,
            ),
            max_attempts=MAX_ATTEMPTS,
            requires_scan=self.requires_scan,
            clock=lambda: self.now,
            bounds=Bounds(
                seconds_left=lambda: self.seconds_left,
                seconds=self.clock_seconds,
                within=lambda call, _seconds: call(),
            ),
            isolated=self.isolated,
        ).process(delivery)


def first_delivery(version_id: str, *, run: Run = Run("event-1", "run-1")) -> Delivery:  # noqa: B008 - immutable
    """The first receipt of an event that announces a version of an object."""
    return Delivery(run, Message("message-1", "receipt-1", 1, "", LATER), INGEST, REF.object_key, version_id)


_run_ids = (f"run-{number}" for number in itertools.count(2))


def at_try(delivery: Delivery, attempt: int) -> Delivery:
    """The same event, delivered again."""
    return replace(
        delivery,
        message=replace(delivery.message, receive_count=attempt),
        run=delivery.run._replace(run_id=next(_run_ids)),
    )


def duplicate(delivery: Delivery) -> Delivery:
    """A second event of the same object: S3 and EventBridge deliver at least once."""
    return replace(delivery, run=Run("event-2", next(_run_ids)))


@contextmanager
def failed_try(cause: type[BaseException]) -> Generator[None]:
    """Expect what makes the queue deliver again, with the cause behind it for the log."""
    with pytest.raises(JobFailed) as caught:
        yield
    assert isinstance(caught.value.__cause__, cause)
    assert caught.match(rf"^Try \d+ of {MAX_ATTEMPTS} ended in {type(caught.value.__cause__).__name__}\.$")


def count_bytes(job: Job) -> Mapping[str, object]:
    return {"counted": sum(map(len, job.chunks()))}


def raise_secret(_job: Job) -> Mapping[str, object]:
    raise LookupError("password=hunter2")


def refuse(_job: Job) -> Mapping[str, object]:
    raise Unprocessable("It is no picture.")


def no_chunks() -> Iterator[bytes]:
    return iter(())


def no_file() -> BufferedReader:
    raise NotImplementedError


def no_report(fraction: float, note: str = "") -> None:
    raise NotImplementedError(fraction, note)


def never(_job: Job) -> Mapping[str, object]:
    pytest.fail("The processor must not be called.")
