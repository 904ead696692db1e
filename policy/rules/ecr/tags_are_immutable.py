"""A repository's tags cannot be moved to other images."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecr/repository:Repository",
    severity=Severity.MEDIUM,
    reason="Otherwise the image behind a tag can be replaced after its review.",
    steps="Set imageTagMutability to IMMUTABLE.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
    controls=("ECR.2",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.text("imageTagMutability", "MUTABLE").startswith("IMMUTABLE"):
        yield "imageTagMutability is not IMMUTABLE."
