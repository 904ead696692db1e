"""A bucket keeps versions."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.LOW,
    reason="Otherwise an overwritten or deleted object cannot be restored.",
    steps="Add a BucketVersioning with the status Enabled.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    controls=("S3.14",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    found = resource.stack.perhaps_attached(resource, "aws:s3/bucketVersioning:BucketVersioning", "bucket")
    if not any(each.block("versioningConfiguration").text("status") == "Enabled" for each in found):
        yield "No BucketVersioning with the status Enabled names this bucket."
