"""A dead-letter queue keeps messages at least as long as its queue."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.relations import dead_letter_queues
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sqs/queue:Queue",
    severity=Severity.MEDIUM,
    reason="Otherwise a message that has waited expires soon after it was moved, before anybody has seen it.",
    steps="Set messageRetentionSeconds of the dead-letter queue to 1209600, the longest.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    kept = resource.number("messageRetentionSeconds", 345600)
    for dead in dead_letter_queues(resource):
        if dead.number("messageRetentionSeconds", 345600) < kept:
            yield f"{dead.name} keeps messages for less than {kept:.0f} s, and moved messages keep their age."
