"""The Lambda behind the queue, where jobs run on Step Functions: each message starts one execution of the workflow.

The message is deleted then, because the execution does not lose its event. An execution has the message's own id as its
name, so a message that is delivered twice starts one execution. A redrive sends another message, which starts another.
"""

import logging
import time
from functools import cache
from typing import Any, NamedTuple

import boto3

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.aws.environment import read_environment
from handlers.aws.metric_log import write_record
from handlers.domain.errors import UnknownUpload
from handlers.storage.job_queue import Delivery, JobQueue, Message

log = logging.getLogger(__name__)


_DONE, _ERROR = 200, 500


class StarterEnvironment(NamedTuple):
    """The environment variables that StepFunctionsCompute sets."""

    queue_url: str
    state_machine_arn: str


@cache
def _environment() -> StarterEnvironment:
    return read_environment(StarterEnvironment)


@cache
def _workflows() -> Boto3Json:
    return Boto3Json(boto3.client("stepfunctions"))


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs"), _environment().queue_url)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start an execution for each record; one that fails is delivered again, alone."""
    began_at, messages = time.perf_counter(), [Message.from_lambda(record) for record in event["Records"]]
    failed = [message for message in messages if not _started(message)]
    write_record(
        "startWorkflow",
        status=_ERROR if failed else _DONE,
        began_at=began_at,
        request_id=context.aws_request_id,
        messages=len(messages),
    )
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
        return False
    return True
