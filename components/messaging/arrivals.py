"""The building block in front of the queue of jobs: a queue that events arrive in, and what puts them into groups.

EventBridge and SNS can only send with a constant message group, and know an owner only as a part of the object's key.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.shared import LogArgs
from components.compute.code_archive import code_archive
from components.compute.lambda_function import LambdaFunction, LambdaFunctionArgs
from handlers.domain.upload import MESSAGE_LIFETIME
from handlers.storage.fair_queue import BATCH

FUNCTION_SECONDS = 15
"""More than the function's one call takes, with its retries."""

MESSAGE_SECONDS = int(MESSAGE_LIFETIME.total_seconds())
"""SQS's limit, 14 days, for all queues: operators need failed messages for as long as possible."""

VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS
"""Six times the function's timeout (Lambda guide, "Using Lambda with Amazon SQS")."""

MAX_ATTEMPTS = 10
"""Deliveries before an arrival goes to the dead-letter queue: after 15 minutes in which SQS or Lambda is down."""

MAX_CONCURRENCY = 5
"""Invocations at once. Each sends 10 messages in some 20 ms, and S3 takes at most 3,500 objects a second."""


@dataclass(frozen=True, kw_only=True)
class ArrivalsArgs:
    """The arguments of arrivals."""

    queue_url: pulumi.Input[str]
    """Queue of jobs."""
    queue_arn: pulumi.Input[str]
    dead_letter_queue_arn: pulumi.Input[str]
    """Where arrivals go that could not be sent on. Its redrive brings them back here."""
    log: LogArgs
    """Level and retention of the function's log."""


class Arrivals(pulumi.ComponentResource):
    """A queue, and the function that sends each of its messages to the queue of jobs in its owner's message group."""

    queue_url: pulumi.Output[str]
    """URL of the queue of arrivals."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue of arrivals."""

    def __init__(self, name: str, args: ArrivalsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:Arrivals", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(
            name,
            sqs_managed_sse_enabled=True,
            visibility_timeout_seconds=VISIBILITY_SECONDS,
            message_retention_seconds=MESSAGE_SECONDS,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": args.dead_letter_queue_arn, "maxReceiveCount": MAX_ATTEMPTS}
            ),
            opts=child,
        )
        function = LambdaFunction(
            name,
            LambdaFunctionArgs(
                handler="handlers.entries.group_arrivals.handle",
                code=code_archive(),
                statements=[iam.poll(queue.arn), iam.send_messages(args.queue_arn)],
                environment={"QUEUE_URL": args.queue_url},
                timeout_seconds=FUNCTION_SECONDS,
                log_level=args.log.log_level,
                log_retention_days=args.log.log_retention_days,
            ),
            child,
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-trigger",
            event_source_arn=queue.arn,
            function_name=function.alias_arn,
            batch_size=BATCH,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": MAX_CONCURRENCY},
            opts=child,
        )
        self.queue_url = queue.url
        self.queue_arn = queue.arn
        self.register_outputs({"queue_url": self.queue_url, "queue_arn": self.queue_arn})
