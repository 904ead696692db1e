"""The building block for every bucket: private, encrypted, versioned, only over TLS, with lifecycle rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam
from handlers.domain.upload import MESSAGE_LIFETIME, MULTIPART_LIFETIME

PASSING_DAYS = MESSAGE_LIFETIME.days
"""As long as an event waits in a queue at most."""


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """The arguments of a private bucket."""

    deletion_protection: bool
    """Whether the bucket and the objects in it are protected from deletion."""
    kms_key_arn: pulumi.Input[str] | None
    """Customer managed key; None for the AWS managed key of S3."""
    noncurrent_version_days: int
    """Days for which an overwritten or deleted version is kept."""
    expiration_days: int | None
    """Days after which objects expire; None for never."""
    passing_prefixes: Sequence[str] = ()
    """Prefixes of objects that expire after PASSING_DAYS."""
    policy_statements: Callable[[pulumi.Output[str]], Sequence[iam.Statement]] = lambda _: ()
    """Builds additional bucket-policy statements from the bucket's ARN. A bucket can have only one policy."""


class PrivateBucket(pulumi.ComponentResource):
    """A bucket with all the settings that a private bucket needs."""

    bucket_name: pulumi.Output[str]
    """Name of the bucket, with a suffix from Pulumi."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:PrivateBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        protected = args.deletion_protection
        bucket = aws.s3.Bucket(
            name,
            force_destroy=not protected,
            # None, not False: otherwise the bucket would not inherit protect=True from its component.
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
                        "kms_master_key_id": args.kms_key_arn,
                    },
                    "bucket_key_enabled": True,  # otherwise each object costs a request to KMS
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
            # S3 rejects rules for noncurrent versions if the bucket has no versions yet.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=iam.bucket_policy(
                f"{name}-policy",
                iam.refuse_plain_http(bucket.arn, "s3:*", pulumi.Output.concat(bucket.arn, "/*")),
                *args.policy_statements(bucket.arn),
            ),
            # S3 returns OperationAborted if two settings of a bucket's access change at once.
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
            # Parts of an incomplete upload are not listed, but cost money.
            "abort_incomplete_multipart_upload": {"days_after_initiation": MULTIPART_LIFETIME.days},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": everything,
            "noncurrent_version_expiration": {"noncurrent_days": args.noncurrent_version_days},
            "expiration": {"expired_object_delete_marker": True},  # otherwise it outlives the object's versions
        },
    ]
    if days := args.expiration_days:
        rules.append({"id": "expire-objects", "status": "Enabled", "filter": everything, "expiration": {"days": days}})
    rules += [
        {
            "id": f"expire-{prefix.strip('/')}",
            "status": "Enabled",
            "filter": {"prefix": prefix},
            "expiration": {"days": PASSING_DAYS},
        }
        for prefix in args.passing_prefixes
    ]
    return rules
