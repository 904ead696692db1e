"""The Lambda behind the queue of created or scanned objects; it answers with the messages to deliver again."""

import logging
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.environment import read_environment
from handlers.aws.metric_log import write_record
from handlers.domain.errors import UnknownUpload
from handlers.domain.upload import Status
from handlers.processors import load_processor
from handlers.processors.child_process import run_in_child
from handlers.storage.job_queue import JobQueue, retry_delay_seconds
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.process_object import Delivery, LeasedElsewhere, Processing

log = logging.getLogger(__name__)

_DONE, _ERROR = 200, 500
_STATUSES = {Status.REJECTED: 422, Status.FAILED: 422}
"""What a job's record says where trying again cannot help, because of the object; HTTP's status for the same."""


@dataclass(frozen=True)
class ProcessObjectEnvironment:
    """Set by the ProcessingPipeline component."""

    uploads_table: str
    ingest_bucket: str
    results_bucket: str
    quarantine_bucket: str
    """Empty where rejected objects are deleted."""
    queue_url: str
    processor: str
    max_attempts: int
    malware_scan: str
    """`required` where objects are processed only by the event of their scan, or `off`."""
    unscannable_objects: str
    """`reject` or `process`."""
    allowed_content_types: tuple[str, ...]
    """What may be declared, as create_upload has it; everything where it is empty."""


@cache
def _environment() -> ProcessObjectEnvironment:
    return read_environment(ProcessObjectEnvironment)


@cache
def _records() -> UploadStore:
    return UploadStore(Boto3Json(boto3.client("dynamodb")), _environment().uploads_table)


@cache
def _objects() -> ObjectStore:
    """For the child processes: this process never uses its client, so that no connection is there to be shared."""
    env = _environment()
    return ObjectStore(boto3.client("s3"), env.results_bucket, env.quarantine_bucket or None)


@cache
def _results() -> ObjectStore:
    return ObjectStore(boto3.client("s3"), _environment().results_bucket)


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), _environment().queue_url)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process each record on its own: one that fails is delivered again, alone."""
    env = _environment()
    processing = Processing(
        records=_records(),
        bucket=env.ingest_bucket,
        objects=_objects(),
        results=_results(),
        load_processor=lambda: load_processor(env.processor),
        max_attempts=env.max_attempts,
        requires_scan=env.malware_scan == "required",
        process_unscannable=env.unscannable_objects == "process",
        allowed_content_types=env.allowed_content_types,
        clock=_now,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        isolated=run_in_child,
    )
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        began_at, status = time.perf_counter(), _ERROR
        facts: dict[str, str | int] = {"request_id": context.aws_request_id}
        try:
            ended = processing.process_upload(Delivery.from_record(record, context.aws_request_id), facts)
            facts["upload_status"], status = str(ended), _STATUSES.get(ended, _DONE)
        except Exception as fault:
            facts["error"] = type(fault).__name__
            log.exception("A message failed.", extra={"message_id": record["messageId"]})
            _queue().deliver_again(record, after_seconds=_delay_seconds(fault, record, env.max_attempts))
            failures.append({"itemIdentifier": record["messageId"]})
        write_record("processObject", status=status, began_at=began_at, **facts)
    return {"batchItemFailures": failures}


def _now() -> datetime:
    return datetime.now(UTC)


def _delay_seconds(fault: Exception, record: dict[str, Any], max_attempts: int) -> int:
    match fault:
        case UnknownUpload():  # no try can succeed: use up the deliveries, then SQS moves it to the dead-letter queue
            return 0
        case LeasedElsewhere(until=until):
            return max(1, math.ceil((until - _now()).total_seconds()))
        case _:
            return retry_delay_seconds(int(record["attributes"]["ApproximateReceiveCount"]), max_attempts)
