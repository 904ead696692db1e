"""Passwords of a user pool are long and mixed."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

LEAST = 8


@rule(
    "aws:cognito/userPool:UserPool",
    severity=Severity.MEDIUM,
    reason="Short passwords can be guessed.",
    steps="Set passwordPolicy with a minimumLength of 8 or more and all four kinds of characters.",
    source="https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-policies.html",
    controls=("Cognito.3",),
)
def check(resource: Resource) -> Iterator[str]:
    policy = resource.block("passwordPolicy")
    if (length := policy.number("minimumLength", LEAST)) < LEAST:
        yield f"minimumLength is {length:.0f}, but must be at least {LEAST}."
    for name in ("requireLowercase", "requireUppercase", "requireNumbers", "requireSymbols"):
        if not policy.flag(name):
            yield f"{name} is false."
