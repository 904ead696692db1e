"""Runs one message of the queue as a job: what every compute does with what it receives."""

import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import boto3
from botocore.config import Config

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.environment import read_environment
from handlers.aws.metric_log import size_class, write_record
from handlers.domain.declaration import UploadRequest
from handlers.domain.delays import LONGEST_DELAY_SECONDS, retry_delay_seconds
from handlers.domain.errors import UnknownUpload
from handlers.domain.upload import Status
from handlers.processors import JobEnvironment, load_processor
from handlers.processors.child_process import call_in_child
from handlers.processors.routing import processor_for, read_rules
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import Isolated, IsolatedWork
from handlers.use_cases.job_record import LeasedElsewhere
from handlers.use_cases.lease import Bounds, Renewals
from handlers.use_cases.process_object import Interrupted, JobFailed, ProcessObject

log = logging.getLogger(__name__)

_DONE, _ERROR = 200, 500
_STATUSES = {Status.REJECTED: 422, Status.FAILED: 422}
"""The HTTP status in the job's log record, for an object that no retry can process."""


@cache
def _environment() -> JobEnvironment:
    return read_environment(JobEnvironment)


@cache
def _records() -> UploadStore:
    return UploadStore(Boto3Json(boto3.client("dynamodb")), _environment().uploads_table)


@cache
def _renewals() -> Renewals:
    """Return table and queue for renewals, which run in child processes. This process never uses their clients."""
    env = _environment()
    config = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1})
    return Renewals(
        UploadStore(Boto3Json(boto3.client("dynamodb", config=config)), env.uploads_table),
        JobQueue(boto3.client("sqs", config=config), env.queue_url),
    )


@cache
def _objects() -> ObjectStore:
    """Return the store for the child processes. This process never uses its client, so they share no connection."""
    env = _environment()
    return ObjectStore(boto3.client("s3"), env.results_bucket, env.quarantine_bucket or None)


@cache
def _results() -> ObjectStore:
    return ObjectStore(boto3.client("s3"), _environment().results_bucket)


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), _environment().queue_url)


def run_job(message: Message, *, invocation_id: str, seconds_left: Callable[[], float], isolated: Isolated) -> bool:
    """Run a message's job and write its log record; returns whether the message can be deleted.

    Otherwise the queue delivers it again, after a time that is set here.
    """
    env = _environment()
    began_at, status = time.perf_counter(), _ERROR
    facts: dict[str, str | int] = {"request_id": invocation_id}

    def note(declared: UploadRequest) -> None:
        facts["size_class"] = size_class(declared.size_bytes)

    try:
        ended = _use_case(env, seconds_left, isolated).process(Delivery.of(message, invocation_id), note)
        facts["upload_status"], status = str(ended), _STATUSES.get(ended, _DONE)
    except Exception as error:
        facts["error"] = type(error).__name__
        log.exception("A message failed.", extra={"message_id": message.message_id})
        _queue().hide(message, _delay_seconds(error, message, env.max_attempts, seconds_left()))
    write_record("processObject", status=status, began_at=began_at, **facts)
    return "error" not in facts


def _use_case(env: JobEnvironment, seconds_left: Callable[[], float], isolated: Isolated) -> ProcessObject:
    return ProcessObject(
        records=_records(),
        queue=_queue(),
        renewals=_renewals(),
        bucket=env.ingest_bucket,
        results=_results(),
        work=IsolatedWork(
            objects=_objects(),
            load_processor=lambda declared: load_processor(_processor_for(env, declared)),
            process_unscannable=env.unscannable_objects == "process",
            allowed_content_types=env.allowed_content_types,
        ),
        max_attempts=env.max_attempts,
        requires_scan=env.malware_scan == "required",
        clock=_now,
        bounds=Bounds(seconds_left, seconds=time.monotonic, within=call_in_child),
        isolated=isolated,
    )


def _processor_for(env: JobEnvironment, declared: UploadRequest) -> str:
    return processor_for(declared.file_name, declared.content_type, read_rules(env.processors), env.processor)


def _now() -> datetime:
    return datetime.now(UTC)


def _delay_seconds(error: Exception, message: Message, max_attempts: int, seconds_left: float) -> int:
    match error:
        case UnknownUpload():  # no try can succeed: use up the deliveries, then SQS moves it to the dead-letter queue
            return 0
        case JobFailed(__cause__=Interrupted()):
            return 0
        case LeasedElsewhere(until=until):
            # Each meeting uses up an attempt, and the other run may work for as long as this one could.
            lease_seconds = (until - _now()).total_seconds()
            return max(1, math.ceil(max(lease_seconds, min(seconds_left, LONGEST_DELAY_SECONDS))))
        case _:
            return retry_delay_seconds(message.receive_count, max_attempts)
