"""A topic is encrypted with KMS."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sns/topic:Topic",
    severity=Severity.MEDIUM,
    reason="Notifications name users' objects, and subscribers' addresses.",
    steps="Set kmsMasterKeyId to a key that lets the publishing services use it.",
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",
    controls=("SNS.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.has("kmsMasterKeyId"):
        yield "There is no kmsMasterKeyId."
