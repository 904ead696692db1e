"""A distribution has a default root object."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudfront/distribution:Distribution",
    severity=Severity.LOW,
    reason="A request for / can otherwise list the origin.",
    steps="Set defaultRootObject, such as index.html.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DefaultRootObject.html",
    controls=("CloudFront.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.has("defaultRootObject"):
        yield "There is no defaultRootObject."
