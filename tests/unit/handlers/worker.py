"""Delivers messages to the use case behind the queue, with processors of the tests' own."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from handlers.processors import Job, Processor, Unprocessable
from handlers.uploads.objects import ObjectStore
from handlers.uploads.processing import Delivery, JobFailed, Processing
from handlers.uploads.store import UploadStore
from tests.unit.handlers.cloud import LATER, QUARANTINE, RESULTS, Cloud

MAX_ATTEMPTS = 3


@dataclass
class Worker:
    """Delivers messages to the use case, and keeps each job that a processor was handed."""

    cloud: Cloud
    store: UploadStore
    jobs: list[Job] = field(default_factory=list[Job])
    guarded: list[str] = field(default_factory=list[str])
    quarantine_bucket: str | None = QUARANTINE
    process_unscannable: bool = False

    @contextmanager
    def deadline(self) -> Generator[None]:
        self.guarded.append("begun")
        try:
            yield
        finally:
            self.guarded.append("ended")

    def process(
        self, delivery: Delivery, processor: Processor, *, load_processor: Callable[[], Processor] | None = None
    ) -> None:
        def noted(job: Job) -> Mapping[str, object]:
            self.jobs.append(job)
            return processor(job)

        Processing(
            records=self.store,
            objects=ObjectStore(self.cloud.s3, RESULTS, self.quarantine_bucket),
            load_processor=load_processor or (lambda: noted),
            max_attempts=MAX_ATTEMPTS,
            process_unscannable=self.process_unscannable,
            clock=lambda: LATER,
            deadline=self.deadline,
        ).process_upload(delivery)


def at_try(delivery: Delivery, attempt: int) -> Delivery:
    return replace(delivery, attempt=attempt)


def duplicate(delivery: Delivery) -> Delivery:
    """A second event of the same object: S3 and EventBridge deliver at least once."""
    return replace(delivery, job_id="message-2")


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


def never(_job: Job) -> Mapping[str, object]:
    pytest.fail("The processor must not be called.")
