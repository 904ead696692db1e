"""A user pool is protected from deletion."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cognito/userPool:UserPool",
    severity=Severity.MEDIUM,
    reason="Otherwise an update that replaces the pool deletes all users.",
    steps="Set deletionProtection to ACTIVE, except for stacks that are made to be deleted.",
    source="https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("deletionProtection", "INACTIVE") != "ACTIVE":
        yield "deletionProtection is INACTIVE."
