"""A rule's pattern names where its events come from."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudwatch/eventRule:EventRule",
    severity=Severity.MEDIUM,
    reason="A rule that matches the events of all services starts work for each of them, or itself again.",
    steps="Name source and detail-type in the pattern.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-patterns-best-practices.html",
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.has("eventPattern"):
        return
    for pattern in resource.json("eventPattern"):
        if not any(pattern.has(name) for name in ("source", "account", "detail-type", "$or")):
            yield "The pattern has neither source nor account nor detail-type."
