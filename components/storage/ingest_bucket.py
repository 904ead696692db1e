"""The building block for the bucket that receives uploads. It sends an event for each object.

The roles that sign decide who may write. The bucket's policy applies to all writers.
"""

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import is_empty
from components.arguments.upload_api import UploadApiArgs
from components.storage.private_bucket import PrivateBucket, PrivateBucketArgs
from handlers.storage.upload_signer import SENT_HEADERS


class IngestBucket(pulumi.ComponentResource):
    """A bucket to which clients send objects. None of them can be overwritten."""

    bucket_name: pulumi.Output[str]
    """Name of the bucket, with a suffix from Pulumi."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:IngestBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = PrivateBucket(
            name,
            PrivateBucketArgs(
                deletion_protection=args.deletion_protection,
                kms_key_arn=args.kms_key_arn,
                noncurrent_version_days=args.noncurrent_version_days,
                expiration_days=args.object_expiration_days,
                policy_statements=lambda bucket_arn: _policy_statements(bucket_arn, args),
            ),
            child,
        )
        if not is_empty(args.allowed_origins):
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=bucket.bucket_name,
                cors_rules=[
                    {
                        "allowed_origins": args.allowed_origins,
                        "allowed_methods": ["PUT", "POST"] if args.allow_forms else ["PUT"],
                        "allowed_headers": sorted(SENT_HEADERS),
                        "expose_headers": ["ETag"],
                        "max_age_seconds": 600,
                    }
                ],
                opts=child,
            )
        # A bucket has only one notification resource. EventBridge allows any number of listeners.
        aws.s3.BucketNotification(f"{name}-events", bucket=bucket.bucket_name, eventbridge=True, opts=child)
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.bucket_arn
        self.register_outputs({"bucket_name": self.bucket_name, "bucket_arn": self.bucket_arn})


def _policy_statements(bucket_arn: pulumi.Output[str], args: UploadApiArgs) -> list[iam.Statement]:
    return [
        iam.refuse_old_signatures(bucket_arn, args.url_expires_in_seconds),
        iam.refuse_overwrites(bucket_arn, allow_forms=args.allow_forms),
        *iam.refuse_other_encryption(bucket_arn, args.kms_key_arn),
        *iam.refuse_other_networks(bucket_arn, args.allowed_source_cidrs, args.allowed_source_vpc_ids),
    ]
