"""The Lambda behind the queue of arrivals; it answers with the messages to deliver again.

Each upload waits for it before its job starts, so it imports no boto3.
"""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from handlers.aws.environment import read_environment
from handlers.aws.json_client import SQS, AwsJson
from handlers.aws.metric_log import write_record
from handlers.storage.fair_queue import FairQueue
from handlers.use_cases.group_arrivals import Arrival, group_arrivals

_DONE, _ERROR = 200, 500


class ArrivalsEnvironment(NamedTuple):
    """Set by the Arrivals component."""

    queue_url: str


@cache
def _queue() -> FairQueue:
    env = read_environment(ArrivalsEnvironment)
    return FairQueue(AwsJson(SQS, os.environ["AWS_REGION"]), env.queue_url)


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send a batch on. An exception delivers the whole batch again: duplicates change nothing."""
    began_at, status = time.perf_counter(), _ERROR
    records = event["Records"]
    try:
        arrivals = [Arrival(each["messageId"], each["body"]) for each in records]
        failed = group_arrivals(arrivals, _queue(), datetime.now(UTC))
        status = _ERROR if failed else _DONE
    finally:
        write_record(
            "groupArrivals",
            status=status,
            began_at=began_at,
            request_id=context.aws_request_id,
            messages=len(records),
        )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
