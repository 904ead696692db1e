"""A table is encrypted with a key in KMS that the account can see."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:dynamodb/table:Table",
    severity=Severity.LOW,
    reason="With DynamoDB's own key, CloudTrail has no record of its use.",
    steps="Set serverSideEncryption.enabled to true, and kmsKeyArn if you have a key.",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html",
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.block("serverSideEncryption").flag("enabled"):
        yield "serverSideEncryption.enabled is false, so DynamoDB uses a key of its own."
