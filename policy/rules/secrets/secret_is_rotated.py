"""A secret is rotated."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:secretsmanager/secret:Secret",
    severity=Severity.MEDIUM,
    reason="Otherwise a secret that has leaked stays useful for ever.",
    steps="Add a SecretRotation, or exempt a secret that others issue.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html",
    controls=("SecretsManager.1",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(resource, "aws:secretsmanager/secretRotation:SecretRotation", "secretId"):
        yield "No SecretRotation names this secret."
