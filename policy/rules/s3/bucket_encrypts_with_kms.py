"""A bucket encrypts objects with KMS."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    severity=Severity.LOW,
    reason="With S3's own keys, there is no key policy and no record of who decrypts.",
    steps="Set sseAlgorithm to aws:kms, and bucketKeyEnabled to true, which saves calls of KMS.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    controls=("S3.17",),
)
def check(resource: Resource) -> Iterator[str]:
    for each in resource.blocks("rules"):
        algorithm = each.block("applyServerSideEncryptionByDefault").text("sseAlgorithm")
        if algorithm not in ("aws:kms", "aws:kms:dsse"):
            yield f"sseAlgorithm is {algorithm or 'not set'}, but must be aws:kms."
