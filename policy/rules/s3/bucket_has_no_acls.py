"""A bucket's owner owns all its objects, and ACLs have no effect."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    severity=Severity.MEDIUM,
    reason="Otherwise a client that writes an object can give others access to it.",
    steps="Set objectOwnership to BucketOwnerEnforced.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html",
    controls=("S3.12",),
)
def check(resource: Resource) -> Iterator[str]:
    if (ownership := resource.block("rule").text("objectOwnership")) != "BucketOwnerEnforced":
        yield f"objectOwnership is {ownership}, but must be BucketOwnerEnforced."
