"""A queue is encrypted at rest."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sqs/queue:Queue",
    severity=Severity.MEDIUM,
    reason="Messages name users' objects.",
    steps="Set sqsManagedSseEnabled to true, or kmsMasterKeyId.",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html",
    controls=("SQS.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.has("kmsMasterKeyId") and not resource.flag("sqsManagedSseEnabled", default=True):
        yield "sqsManagedSseEnabled is false, and there is no kmsMasterKeyId."
