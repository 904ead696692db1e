"""A table is protected from deletion."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:dynamodb/table:Table",
    severity=Severity.MEDIUM,
    reason="Otherwise an update that replaces the table deletes its records.",
    steps="Set deletionProtectionEnabled to true, except for stacks that are made to be deleted.",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html",
    controls=("DynamoDB.6",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.flag("deletionProtectionEnabled"):
        yield "deletionProtectionEnabled is false."
