"""A bucket's public access block has all four settings."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    severity=Severity.HIGH,
    reason="Otherwise an ACL or a policy can make objects public.",
    steps="Set blockPublicAcls, blockPublicPolicy, ignorePublicAcls and restrictPublicBuckets to true.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    controls=("S3.8",),
)
def check(resource: Resource) -> Iterator[str]:
    for setting in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        if not resource.flag(setting):
            yield f"{setting} is false."
