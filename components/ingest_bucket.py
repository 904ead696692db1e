"""The building block for the bucket that clients send to: it announces what came, and refuses what was not declared.

Who may write at all is said by the roles that sign; the bucket's policy holds for whoever else may write, too.
"""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import checked, is_left_out
from components.private_bucket import PrivateBucket
from handlers.uploads.permission import SENT_HEADERS


class IngestBucketArgs(TypedDict):
    """What differs between two ingest buckets: UploadApi's args of the same names, each within its limit."""

    allowed_origins: pulumi.Input[list[pulumi.Input[str]]]
    """Origins of web pages that may send."""
    allowed_source_cidrs: pulumi.Input[list[pulumi.Input[str]]]
    """Networks from which presigned requests may come; any if this and the VPCs are empty."""
    allowed_source_vpc_ids: pulumi.Input[list[pulumi.Input[str]]]
    """VPCs from which presigned requests may come."""
    allow_forms: bool
    """Whether browsers' forms may send."""
    url_expires_in_seconds: int
    """Time after which a presigned request is refused, whatever expiry it names."""
    deletion_protection: bool
    """Whether the bucket refuses to be deleted."""
    kms_key_arn: NotRequired[pulumi.Input[str] | None]
    """The customer's key, and the only one that objects may name; AWS's own for S3 if left out."""
    noncurrent_version_days: int
    """Days for which a deleted object can be brought back."""
    object_expiration_days: NotRequired[int | None]
    """Days after which objects expire; never if left out."""


class IngestBucket(pulumi.ComponentResource):
    """Where the objects arrive, each of them once."""

    bucket_name: pulumi.Output[str]
    """Its name, made unique by Pulumi."""
    bucket_arn: pulumi.Output[str]
    """What statements are written on."""

    def __init__(self, name: str, args: IngestBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked(IngestBucketArgs, args, {})
        super().__init__("portage:index:IngestBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = PrivateBucket(
            name,
            {
                "deletion_protection": args["deletion_protection"],
                "kms_key_arn": args.get("kms_key_arn"),
                "noncurrent_version_days": args["noncurrent_version_days"],
                "expiration_days": args.get("object_expiration_days"),
                "guardrails": lambda bucket_arn: _guardrails(bucket_arn, args),
            },
            child,
        )
        if not is_left_out(args["allowed_origins"]):
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=bucket.bucket_name,
                cors_rules=[
                    {
                        "allowed_origins": args["allowed_origins"],
                        "allowed_methods": ["PUT", "POST"] if args["allow_forms"] else ["PUT"],
                        "allowed_headers": sorted(SENT_HEADERS),
                        "expose_headers": ["ETag"],
                        "max_age_seconds": 600,
                    }
                ],
                opts=child,
            )
        # One resource owns all notifications of a bucket; EventBridge serves any number of listeners.
        aws.s3.BucketNotification(f"{name}-events", bucket=bucket.bucket_name, eventbridge=True, opts=child)
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.bucket_arn
        self.register_outputs({"bucket_name": self.bucket_name, "bucket_arn": self.bucket_arn})


def _guardrails(bucket_arn: pulumi.Output[str], args: IngestBucketArgs) -> list[iam.Statement]:
    return [
        iam.refuse_old_signatures(bucket_arn, args["url_expires_in_seconds"]),
        iam.refuse_overwrites(bucket_arn, allow_forms=args["allow_forms"]),
        *iam.refuse_other_encryption(bucket_arn, args.get("kms_key_arn")),
        *iam.refuse_other_networks(bucket_arn, args["allowed_source_cidrs"], args["allowed_source_vpc_ids"]),
    ]
