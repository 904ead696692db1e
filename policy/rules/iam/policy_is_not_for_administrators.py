"""A policy does not allow everything."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import POLICY_TYPES, statements
from core.resources import Resource
from core.rule import rule


@rule(
    *POLICY_TYPES,
    severity=Severity.CRITICAL,
    reason="Everything in the account is then lost with this role.",
    steps="List the actions and resources that the role uses.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    controls=("IAM.1",),
)
def check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        if statement.allows and "*" in statement.resources and ("*" in statement.actions or statement.excludes_actions):
            yield "A statement allows all actions on all resources."
