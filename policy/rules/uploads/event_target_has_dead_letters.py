"""Every target of events has a place for events that it does not take."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:scheduler/schedule:Schedule",
    severity=Severity.MEDIUM,
    reason="EventBridge drops an event after its retries, and the upload is never processed.",
    steps="Set deadLetterConfig.arn to a queue, and let EventBridge send to it in the queue's policy.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
)
def check(resource: Resource) -> Iterator[str]:
    place = resource if resource.type == "aws:cloudwatch/eventTarget:EventTarget" else resource.block("target")
    if not place.block("deadLetterConfig").has("arn"):
        yield "There is no deadLetterConfig."
