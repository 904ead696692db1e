"""A queue that invokes a function receives each message at least five times."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

LEAST = 5


@rule(
    "aws:sqs/queue:Queue",
    severity=Severity.LOW,
    reason="Throttled invocations count as receipts: with fewer, messages reach the dead-letter queue without an "
    "error.",
    steps="Set maxReceiveCount to 5 or more.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.attached(resource, "aws:lambda/eventSourceMapping:EventSourceMapping", "eventSourceArn"):
        return
    for policy in resource.json("redrivePolicy"):
        if policy.number("maxReceiveCount") < LEAST:
            yield f"maxReceiveCount is {policy.text('maxReceiveCount', 'not set')}, but must be at least {LEAST}."
