"""A client does not show which users exist."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cognito/userPoolClient:UserPoolClient",
    severity=Severity.MEDIUM,
    reason="Otherwise an attacker can find out which addresses have accounts.",
    steps="Set preventUserExistenceErrors to ENABLED.",
    source="https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("preventUserExistenceErrors", "ENABLED") == "LEGACY":
        yield "preventUserExistenceErrors is LEGACY."
