"""A bucket's policy denies requests without TLS."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import requires_tls
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
    severity=Severity.MEDIUM,
    reason="Otherwise objects and signatures can be read on their way.",
    steps=(
        "Add a statement with Effect Deny, Principal *, Action s3:*, and the condition Bool aws:SecureTransport "
        "false, for the bucket and its objects."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    controls=("S3.5",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.has("policy") and not requires_tls(resource, "s3:GetObject", "s3:PutObject", "s3:ListBucket"):
        yield "The policy has no statement that denies s3:* to everybody if aws:SecureTransport is false."
