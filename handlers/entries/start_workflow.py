"""The Lambda behind the queue, where jobs run on Step Functions: each message starts one execution of the workflow.

The message is deleted then, because the execution does not lose its event. An execution has the message's own id as its
name, so a message that is delivered twice starts one execution. A redrive sends another message, which starts another.
The function waits for the execution, so that the mapping's limit of concurrency is one of executions: the others stay
in the queue, which keeps the owners' turns, and leave Lambda's quota to the functions of the API.
"""

import logging
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import boto3

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.aws.environment import read_environment
from handlers.aws.metric_log import write_record
from handlers.domain.delays import retry_delay_seconds
from handlers.domain.errors import UnknownUpload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.job_queue import Delivery, JobQueue, Message
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.held_place import HeldPlace

log = logging.getLogger(__name__)


_DONE, _ERROR = 200, 500

_RESERVED_SECONDS = 10.0
"""Not used for waiting: the function has to end in time, otherwise its message comes again."""


class StarterEnvironment(NamedTuple):
    """The environment variables that StepFunctionsCompute sets."""

    queue_url: str
    uploads_table: str
    state_machine_arn: str
    max_attempts: int


@cache
def _environment() -> StarterEnvironment:
    return read_environment(StarterEnvironment)


@cache
def _workflows() -> Boto3Json:
    return Boto3Json(boto3.client("stepfunctions"))


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), _environment().queue_url)


@cache
def _records() -> UploadStore:
    return UploadStore(Boto3Json(boto3.client("dynamodb")), _environment().uploads_table)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start an execution for each record, and wait for it; one that cannot be started is delivered again, alone."""
    began_at, messages = time.perf_counter(), [Message.from_lambda(record) for record in event["Records"]]
    failed = [message for message in messages if not _started(message)]
    write_record(
        "startWorkflow",
        status=_ERROR if failed else _DONE,
        began_at=began_at,
        request_id=context.aws_request_id,
        messages=len(messages),
    )
    for message in messages:
        if message not in failed:
            _wait_for(message, context)
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in failed]}


def _started(message: Message) -> bool:
    execution = {"stateMachineArn": _environment().state_machine_arn, "name": message.message_id}
    try:
        Delivery.of(message, message.message_id)
        _workflows().call("StartExecution", {**execution, "input": message.execution_input})
    except UnknownUpload:  # no try can succeed: use up the deliveries, then SQS moves it to the dead-letter queue
        log.exception("A message is no event of an object.", extra={"message_id": message.message_id})
        _queue().hide(message, 0)
        return False
    except Exception as error:
        if isinstance(error, AwsError) and error.code == "ExecutionAlreadyExists":
            return True
        log.exception("A message started no execution.", extra={"message_id": message.message_id})
        # Otherwise it comes again after the queue's visibility timeout, 15 minutes.
        _queue().hide(message, retry_delay_seconds(message.receive_count, _environment().max_attempts))
        return False
    return True


def _wait_for(message: Message, context: Any) -> None:
    place = HeldPlace(
        _records(),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS,
    )
    try:
        delivery = Delivery.of(message, message.message_id)
        place.hold(UploadRef.from_object_key(delivery.key), delivery.version_id)
    except Exception:  # the execution has started all the same
        log.exception("An execution could not be waited for.", extra={"message_id": message.message_id})
