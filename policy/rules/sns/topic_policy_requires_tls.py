"""A topic's policy denies publishing without TLS."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import requires_tls
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
    severity=Severity.MEDIUM,
    reason="Otherwise notifications can be read on their way.",
    steps=(
        "Add a statement with Effect Deny, Principal *, Action sns:Publish, and the condition Bool "
        "aws:SecureTransport false."
    ),
    source="https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.has("policy") and not requires_tls(resource, "sns:Publish"):
        yield "The policy has no statement that denies sns:Publish to everybody if aws:SecureTransport is false."
