"""A policy allows no service's actions as a whole."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import POLICY_TYPES, permissions
from core.resources import Resource
from core.rule import rule


@rule(
    *POLICY_TYPES,
    severity=Severity.HIGH,
    reason="Otherwise the role gets each action that AWS adds to the service.",
    steps="List the actions that the role uses.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    controls=("IAM.21",),
)
def check(resource: Resource) -> Iterator[str]:
    for statement in permissions(resource):
        if not statement.allows:
            continue
        whole = [each for each in statement.actions if each == "*" or each.endswith(":*")]
        if statement.excludes_actions:
            yield f"A statement allows all actions except {', '.join(statement.actions)}."
        elif whole:
            yield f"A statement allows {', '.join(whole)}."
