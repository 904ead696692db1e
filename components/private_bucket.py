"""The building block for every bucket: private, owned, encrypted, versioned, over TLS alone, and cleaned up."""

from collections.abc import Callable, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import checked
from handlers.uploads.model import MULTIPART_LIFETIME


class PrivateBucketArgs(TypedDict):
    """What differs between two buckets of ours."""

    deletion_protection: bool
    """Whether the bucket, and what is in it, refuses to be deleted."""
    kms_key_arn: NotRequired[pulumi.Input[str] | None]
    """The customer's key to encrypt with; AWS's own for S3 if left out."""
    noncurrent_version_days: int
    """Days for which an overwritten or deleted version is kept."""
    expiration_days: NotRequired[int | None]
    """Days after which objects expire; never if left out."""
    guardrails: NotRequired[Callable[[pulumi.Output[str]], Sequence[iam.Statement]]]
    """Makes of the bucket's ARN what its policy, of which a bucket has but one, says besides."""


class PrivateBucket(pulumi.ComponentResource):
    """A bucket with nothing left to remember."""

    bucket_name: pulumi.Output[str]
    """Its name, made unique by Pulumi."""
    bucket_arn: pulumi.Output[str]
    """What statements are written on."""

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked(PrivateBucketArgs, args, {})
        super().__init__("portage:index:PrivateBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        protected = args["deletion_protection"]
        bucket = aws.s3.Bucket(
            name,
            force_destroy=not protected,
            # None, not False, so that a component made with protect=True passes it on to its bucket.
            opts=pulumi.ResourceOptions(parent=self, protect=protected or None),
        )
        public_access = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=child
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args.get("kms_key_arn"),
                    },
                    "bucket_key_enabled": True,  # or each object costs a request to KMS
                    "blocked_encryption_types": ["SSE-C"],  # only the client could read such an object
                }
            ],
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=_lifecycle_rules(args),
            # S3 refuses rules on noncurrent versions that come before the versions.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        guardrails = args.get("guardrails")
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=iam.bucket_policy(
                f"{name}-policy",
                iam.refuse_plain_http(bucket.arn, "s3:*", pulumi.Output.concat(bucket.arn, "/*")),
                *(guardrails(bucket.arn) if guardrails else ()),
            ),
            # Two writes to one bucket's access at a time make S3 answer OperationAborted.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[public_access]),
        )
        self.bucket_name = bucket.bucket
        self.bucket_arn = bucket.arn
        self.register_outputs({"bucket_name": self.bucket_name, "bucket_arn": self.bucket_arn})


def _lifecycle_rules(args: PrivateBucketArgs) -> list[Any]:
    everything = {"prefix": ""}
    rules: list[Any] = [
        {
            "id": "abort-incomplete-multipart",
            "status": "Enabled",
            "filter": everything,
            # Nobody sees the parts of an upload that was never completed, and they cost.
            "abort_incomplete_multipart_upload": {"days_after_initiation": MULTIPART_LIFETIME.days},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": everything,
            "noncurrent_version_expiration": {"noncurrent_days": args["noncurrent_version_days"]},
            "expiration": {"expired_object_delete_marker": True},  # the last thing left of a deleted object
        },
    ]
    if days := args.get("expiration_days"):
        rules.append({"id": "expire-objects", "status": "Enabled", "filter": everything, "expiration": {"days": days}})
    return rules
