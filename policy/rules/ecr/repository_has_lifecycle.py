"""A repository has a lifecycle."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecr/repository:Repository",
    severity=Severity.LOW,
    reason="Old images otherwise cost money for ever.",
    steps="Add a LifecyclePolicy.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html",
    controls=("ECR.3",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(resource, "aws:ecr/lifecyclePolicy:LifecyclePolicy", "repository"):
        yield "No LifecyclePolicy names this repository."
