"""A bucket's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import public_grants
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody can read, replace or delete objects.",
    steps="Name the principals, or add a condition that names the account, organization, network or service.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    controls=(
        "S3.2",
        "S3.3",
    ),
)
def check(resource: Resource) -> Iterator[str]:
    return public_grants(resource)
