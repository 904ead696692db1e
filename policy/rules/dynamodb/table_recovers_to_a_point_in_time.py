"""A table can be restored to any second of the last days."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:dynamodb/table:Table",
    severity=Severity.MEDIUM,
    reason="Otherwise records that an error has overwritten are lost.",
    steps="Set pointInTimeRecovery.enabled to true.",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
    controls=("DynamoDB.2",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.block("pointInTimeRecovery").flag("enabled"):
        yield "pointInTimeRecovery.enabled is false."
