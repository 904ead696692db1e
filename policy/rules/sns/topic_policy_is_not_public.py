"""A topic's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import public_grants
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topic:Topic",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody can publish events, or subscribe to them.",
    steps="Name the principals, or add a condition on aws:SourceArn or aws:SourceAccount.",
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html",
    controls=("SNS.4",),
)
def check(resource: Resource) -> Iterator[str]:
    return public_grants(resource)
