"""A subscription has a place for messages that its endpoint does not take."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

PROTOCOLS = ("sqs", "lambda", "http", "https", "firehose")
"""Where machines are behind the subscription; a person's mailbox needs no queue."""


@rule(
    "aws:sns/topicSubscription:TopicSubscription",
    severity=Severity.MEDIUM,
    reason="SNS drops a message after its retries.",
    steps="Set redrivePolicy.deadLetterTargetArn to a queue, and let SNS send to it in the queue's policy.",
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("protocol") in PROTOCOLS and not resource.has("redrivePolicy"):
        yield "There is no redrivePolicy."
