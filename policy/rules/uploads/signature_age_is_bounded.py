"""The bucket that clients upload to rejects old signatures."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.reading import number_in
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucket:Bucket",
    severity=Severity.MEDIUM,
    reason="A presigned URL is valid for up to seven days and can be used again, if the code that signs it says so.",
    steps=(
        "Deny s3:* if NumericGreaterThan s3:signatureAge, in milliseconds. S3 then ignores a longer expiry of a URL."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html",
    settings=(
        "ingestBuckets",
        "signatureSeconds",
    ),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.is_named(resource.settings.texts("ingestBuckets")):
        return
    most = resource.settings.number("signatureSeconds") * 1000
    policies = resource.stack.perhaps_attached(resource, "aws:s3/bucketPolicy:BucketPolicy", "bucket")
    ages = [
        age
        for policy in policies
        for statement in statements(policy)
        if not statement.allows and "*" in statement.principals
        for value in statement.condition("NumericGreaterThan", "s3:signatureAge")
        if (age := number_in(value)) is not None
    ]
    if not any(age <= most for age in ages):
        yield f"No statement of the bucket's policy denies requests with an s3:signatureAge over {most:.0f} ms."
