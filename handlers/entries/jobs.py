"""Runs one message of the queue as a job: what every compute does with what it receives."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import boto3

from handlers.aws.metric_log import size_class, write_record
from handlers.domain.declaration import UploadRequest
from handlers.domain.delays import meeting_delay_seconds, retry_delay_seconds
from handlers.domain.errors import UnknownUpload
from handlers.domain.upload import Status
from handlers.entries.job_clients import RENEWAL, environment, isolated_work, records, renewing_records, results, routed
from handlers.processors import JobEnvironment, load_processor
from handlers.processors.child_process import call_in_child
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.use_cases.isolated_work import Isolated
from handlers.use_cases.job_record import LeasedElsewhere
from handlers.use_cases.lease import Bounds, Renewals
from handlers.use_cases.process_object import Interrupted, JobFailed, ProcessObject

log = logging.getLogger(__name__)

_DONE, _HANDED_BACK, _ERROR = 200, 202, 500
_STATUSES = {Status.REJECTED: 422, Status.FAILED: 422}
"""The HTTP status in the job's log record, for an object that no retry can process."""


@cache
def _renewals() -> Renewals:
    """Return table and queue for renewals, which run in child processes. This process never uses their clients."""
    return Renewals(renewing_records(), JobQueue(boto3.client("sqs", config=RENEWAL), environment().queue_url))


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), environment().queue_url)


def run_job(message: Message, *, invocation_id: str, seconds_left: Callable[[], float], isolated: Isolated) -> bool:
    """Run a message's job and write its log record; returns whether the message can be deleted.

    Otherwise the queue delivers it again, after a time that is set here.
    """
    env = environment()
    began_at, status = time.perf_counter(), _ERROR
    facts: dict[str, str | int] = {"request_id": invocation_id}

    def note(declared: UploadRequest) -> None:
        facts["size_class"] = size_class(declared.size_bytes)

    is_done = False
    try:
        ended = _use_case(env, seconds_left, isolated).process(Delivery.of(message, invocation_id), note)
        facts["upload_status"], status, is_done = str(ended), _STATUSES.get(ended, _DONE), True
    except Exception as error:
        if _is_handed_back(error):
            facts["upload_status"], status = str(Status.PROCESSING), _HANDED_BACK
            log.info("The job was handed back.", extra={"message_id": message.message_id})
        else:
            facts["error"] = type(error).__name__
            log.exception("A message failed.", extra={"message_id": message.message_id})
        _queue().hide(message, _delay_seconds(error, message, env.max_attempts, seconds_left()))
    write_record("processObject", status=status, began_at=began_at, **facts)
    return is_done


def _is_handed_back(error: Exception) -> bool:
    return isinstance(error, JobFailed) and isinstance(error.__cause__, Interrupted)


def _use_case(env: JobEnvironment, seconds_left: Callable[[], float], isolated: Isolated) -> ProcessObject:
    return ProcessObject(
        records=records(),
        queue=_queue(),
        renewals=_renewals(),
        bucket=env.ingest_bucket,
        results=results(),
        work=isolated_work(lambda declared: load_processor(routed(declared))),
        max_attempts=env.max_attempts,
        requires_scan=env.malware_scan == "required",
        clock=_now,
        bounds=Bounds(seconds_left, seconds=time.monotonic, within=call_in_child),
        isolated=isolated,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _delay_seconds(error: Exception, message: Message, max_attempts: int, seconds_left: float) -> int:
    match error:
        case UnknownUpload():  # no try can succeed: use up the deliveries, then SQS moves it to the dead-letter queue
            return 0
        case _ if _is_handed_back(error):
            return 0
        case LeasedElsewhere(until=until):
            return meeting_delay_seconds((until - _now()).total_seconds(), seconds_left)
        case _:
            return retry_delay_seconds(message.receive_count, max_attempts)
