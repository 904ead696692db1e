"""A bucket has a policy."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.MEDIUM,
    reason="Otherwise nothing rejects requests without TLS.",
    steps="Add a BucketPolicy that denies requests without TLS.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    controls=("S3.5",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(resource, "aws:s3/bucketPolicy:BucketPolicy", "bucket"):
        yield "No BucketPolicy names this bucket."
