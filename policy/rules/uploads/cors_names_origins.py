"""CORS of a bucket names its origins."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")
"""Where a page is developed; browsers treat it as secure."""


@rule(
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    severity=Severity.HIGH,
    reason="Otherwise pages of others can use the URLs that they, or their visitors, get.",
    steps="List the origins of your pages, with https.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html",
)
def check(resource: Resource) -> Iterator[str]:
    for each in resource.blocks("corsRules"):
        for origin in each.texts("allowedOrigins"):
            if "*" in origin:
                yield f"The origin {origin} allows pages of others."
            elif origin.startswith("http://") and not origin.startswith(LOCAL):
                yield f"The origin {origin} has no TLS."
