"""A bucket has a lifecycle."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.LOW,
    reason="Otherwise old versions and incomplete uploads cost money for ever.",
    steps="Add a BucketLifecycleConfiguration that expires old versions and aborts incomplete uploads.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
    controls=("S3.13",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.stack.perhaps_attached(
        resource, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "bucket"
    ):
        yield "No BucketLifecycleConfiguration names this bucket."
