"""A bucket has an encryption configuration of its own."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.LOW,
    reason="S3 otherwise encrypts with its own keys, for which there is no key policy and no record of who decrypts.",
    steps="Add a BucketServerSideEncryptionConfiguration with the algorithm aws:kms.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    controls=("S3.17",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    kind = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    if not resource.stack.perhaps_attached(resource, kind, "bucket"):
        yield "No BucketServerSideEncryptionConfiguration names this bucket."
