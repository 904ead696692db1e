"""A queue has a dead-letter queue, or is one."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.relations import is_dead_letter_queue
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sqs/queue:Queue",
    severity=Severity.MEDIUM,
    reason="A message that always fails is otherwise tried again until it expires, and is lost then.",
    steps="Set redrivePolicy with deadLetterTargetArn and maxReceiveCount.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if resource.has("redrivePolicy") or resource.stack.perhaps_attached(
        resource, "aws:sqs/redrivePolicy:RedrivePolicy", "queueUrl"
    ):
        return
    if not is_dead_letter_queue(resource):
        yield "There is no redrivePolicy, and no resource uses the queue for its failures."
