"""The bucket that clients upload to aborts incomplete multipart uploads."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.MEDIUM,
    reason="Clients disappear in the middle of uploads, and S3 stores and bills their parts without showing them.",
    steps="Add a lifecycle rule with abortIncompleteMultipartUpload and without a prefix.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html",
    settings=("ingestBuckets",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.is_named(resource.settings.texts("ingestBuckets")):
        return
    kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = [
        each for found in resource.stack.perhaps_attached(resource, kind, "bucket") for each in found.blocks("rules")
    ]
    if not any(
        each.text("status") == "Enabled"
        and each.block("abortIncompleteMultipartUpload").number("daysAfterInitiation") > 0
        and not any(place.text("prefix") for place in (each, each.block("filter"), each.block("filter").block("and")))
        for each in rules
    ):
        yield "No lifecycle rule for the whole bucket aborts incomplete multipart uploads."
