"""A distribution is used by https only."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudfront/distribution:Distribution",
    severity=Severity.HIGH,
    reason="Otherwise the upload page can be changed on its way, and take users' tokens.",
    steps="Set viewerProtocolPolicy to redirect-to-https or https-only.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-viewers-to-cloudfront.html",
    controls=("CloudFront.3",),
)
def check(resource: Resource) -> Iterator[str]:
    for each in [resource.block("defaultCacheBehavior"), *resource.blocks("orderedCacheBehaviors")]:
        if each.text("viewerProtocolPolicy") == "allow-all":
            yield "A cache behavior has the viewerProtocolPolicy allow-all."
