"""Users of a pool can have a second factor."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cognito/userPool:UserPool",
    severity=Severity.MEDIUM,
    reason="Otherwise a stolen password is enough to sign in.",
    steps="Set mfaConfiguration to OPTIONAL or ON, with softwareTokenMfaConfiguration.",
    source="https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("mfaConfiguration", "OFF") == "OFF":
        yield "mfaConfiguration is OFF."
