"""A queue's policy denies requests without TLS."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import requires_tls
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sqs/queue:Queue",
    "aws:sqs/queuePolicy:QueuePolicy",
    severity=Severity.MEDIUM,
    reason="Otherwise messages can be read on their way.",
    steps=(
        "Add a statement with Effect Deny, Principal *, Action sqs:*, and the condition Bool aws:SecureTransport false."
    ),
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.has("policy") and not requires_tls(resource, "sqs:SendMessage", "sqs:ReceiveMessage"):
        yield "The policy has no statement that denies sqs:* to everybody if aws:SecureTransport is false."
