"""A bucket has a public access block of its own."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.HIGH,
    reason="Otherwise only the account's setting protects it, which the program does not control.",
    steps="Add a BucketPublicAccessBlock with the bucket's id.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    controls=("S3.8",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(
        resource, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket"
    ):
        yield "No BucketPublicAccessBlock names this bucket."
