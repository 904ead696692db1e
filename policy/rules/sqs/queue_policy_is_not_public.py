"""A queue's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import public_grants
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sqs/queue:Queue",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody can send jobs to the queue, or read and delete them.",
    steps="Name the principals, or add a condition on aws:SourceArn.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html",
    controls=("SQS.3",),
)
def check(resource: Resource) -> Iterator[str]:
    return public_grants(resource)
