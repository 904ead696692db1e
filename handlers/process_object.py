"""The Lambda behind the queue of created or scanned objects; it answers with the messages to deliver again."""

import logging
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from handlers.aws_boto3 import Boto3Json
from handlers.environment import read_environment
from handlers.processors import load_processor
from handlers.uploads.job_queue import JobQueue
from handlers.uploads.objects import ObjectStore
from handlers.uploads.processing import Delivery, Processing
from handlers.uploads.store import UploadStore

log = logging.getLogger(__name__)

RECORDING_SECONDS = 3.0
"""Kept back of the function's timeout, to record a processor that did not end."""


@dataclass(frozen=True)
class ProcessObjectEnvironment:
    """Set by the ProcessingPipeline component."""

    uploads_table: str
    results_bucket: str
    quarantine_bucket: str
    """Empty where rejected objects are deleted."""
    queue_url: str
    processor: str
    max_attempts: int
    unscannable_objects: str
    """`reject` or `process`."""


@cache
def _environment() -> ProcessObjectEnvironment:
    return read_environment(ProcessObjectEnvironment)


@cache
def _stores() -> tuple[UploadStore, ObjectStore]:
    env = _environment()
    records = UploadStore(Boto3Json(boto3.client("dynamodb")), env.uploads_table)
    return records, ObjectStore(boto3.client("s3"), env.results_bucket, env.quarantine_bucket or None)


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), _environment().queue_url)


class _Overdue(BaseException):
    """No Exception: an HTTP library that waits would take one for its own, and try again."""


@contextmanager
def _interrupted_after(seconds: float) -> Generator[None]:
    def interrupt(_signal: int, _frame: object) -> None:
        raise _Overdue

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # 0 would mean never
    try:
        yield
    except _Overdue as overdue:
        raise TimeoutError(f"The processor did not end within {seconds:.0f} s.") from overdue
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process each record on its own: one that fails is delivered again, alone."""
    env = _environment()
    records, objects = _stores()
    processing = Processing(
        records=records,
        objects=objects,
        load_processor=lambda: load_processor(env.processor),
        max_attempts=env.max_attempts,
        process_unscannable=env.unscannable_objects == "process",
        clock=lambda: datetime.now(UTC),
        deadline=lambda: _interrupted_after(context.get_remaining_time_in_millis() / 1000 - RECORDING_SECONDS),
    )
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            processing.process_upload(Delivery.from_record(record))
        except Exception:
            log.exception("A message failed.", extra={"job_id": record["messageId"]})
            _queue().deliver_again(record, max_attempts=env.max_attempts)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
