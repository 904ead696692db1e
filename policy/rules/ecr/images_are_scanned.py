"""A repository scans images when they are pushed."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecr/repository:Repository",
    severity=Severity.MEDIUM,
    reason="Known vulnerabilities in a worker that parses users' files otherwise stay unseen.",
    steps="Set scanOnPush to true.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",
    controls=("ECR.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.block("imageScanningConfiguration").flag("scanOnPush"):
        yield "imageScanningConfiguration.scanOnPush is false."
