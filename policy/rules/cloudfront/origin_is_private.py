"""A distribution reads its bucket with origin access control."""

import re
from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

BUCKET = re.compile(r"\.s3[.-]")


@rule(
    "aws:cloudfront/distribution:Distribution",
    severity=Severity.MEDIUM,
    reason="The bucket must otherwise be public.",
    steps="Set originAccessControlId.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
    controls=("CloudFront.13",),
)
def check(resource: Resource) -> Iterator[str]:
    for each in resource.blocks("origins"):
        name = each.text("domainName")
        private = each.has("originAccessControlId") or each.block("s3OriginConfig").has("originAccessIdentity")
        if BUCKET.search(name) and not each.has("customOriginConfig") and not private:
            yield f"The origin {name} has no originAccessControlId."
