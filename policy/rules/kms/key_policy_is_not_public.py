"""A key's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import public_grants
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:kms/key:Key",
    "aws:kms/keyPolicy:KeyPolicy",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody can decrypt with the key.",
    steps="Name the principals, or add a condition on kms:CallerAccount.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    controls=("KMS.5",),
)
def check(resource: Resource) -> Iterator[str]:
    return public_grants(resource)
