"""The building block for the bucket that receives uploads. It sends an event for each object.

The roles that sign decide who may write. The bucket's policy applies to all writers.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import is_empty
from components.arguments.constraints import NotificationArgs
from components.arguments.notifications import S3_NOTIFICATIONS
from components.arguments.upload_api import UploadApiArgs
from components.storage.private_bucket import PrivateBucket, PrivateBucketArgs
from handlers.domain.upload_ref import OBJECT_PREFIX
from handlers.storage.upload_signer import SENT_HEADERS

_CREATED = "s3:ObjectCreated:*"


class IngestBucket(pulumi.ComponentResource):
    """A bucket to which clients send objects. None of them can be overwritten."""

    bucket_name: pulumi.Output[str]
    """Name of the bucket, with a suffix from Pulumi."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    topic_arn: pulumi.Output[str]
    """ARN of the topic of S3's notifications; empty where EventBridge starts jobs."""

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
        self.topic_arn = self._notify(name, args, bucket)
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.bucket_arn
        self.register_outputs(
            {"bucket_name": self.bucket_name, "bucket_arn": self.bucket_arn, "topic_arn": self.topic_arn}
        )

    def _notify(self, name: str, args: UploadApiArgs, bucket: PrivateBucket) -> pulumi.Output[str]:
        """Make the bucket's one notification resource. EventBridge is always on: it takes any number of listeners."""
        topic_arn = pulumi.Output.from_input("")
        own: list[Any] = []
        if args.trigger == S3_NOTIFICATIONS:
            topic_arn = self._topic(f"{name}-created", args, bucket)
            own = [{"topic_arn": topic_arn, "events": [_CREATED], "filter_prefix": OBJECT_PREFIX}]
        given = _notifications(args.bucket_notifications)
        aws.s3.BucketNotification(
            f"{name}-events",
            bucket=bucket.bucket_name,
            eventbridge=True,
            topics=pulumi.Output.all(own, given).apply(lambda both: [*both[1]["topic"], *both[0]] or None),
            queues=given.apply(lambda known: known["queue"] or None),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return topic_arn

    def _topic(self, name: str, args: UploadApiArgs, bucket: PrivateBucket) -> pulumi.Output[str]:
        """Make the topic of the bucket's notifications, and its key: S3 may not use AWS's own key for SNS."""
        child = pulumi.ResourceOptions(parent=self)
        account = args.table_arn  # a bucket's ARN does not name it
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts notifications of new objects",
            enable_key_rotation=True,
            policy=iam.key_policy(f"{name}-key", iam.administer_key(account), iam.encrypt_notifications(account)),
            opts=child,
        )
        topic = aws.sns.Topic(name, kms_master_key_id=key.arn, opts=child)
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=iam.topic_policy(
                f"{name}-policy",
                iam.publish_notifications(topic.arn, bucket.bucket_arn, account),
                iam.refuse_plain_http(topic.arn, "sns:Publish"),
            ),
            opts=child,
        )
        # An output of topic and policy, because S3 publishes a test when the notification is made.
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda both: both[0])


def _notifications(given: Sequence[NotificationArgs]) -> pulumi.Output[dict[str, list[Any]]]:
    """Return S3's notifications by the kind of their targets, which are known later where they are Outputs."""

    def by_kind(targets: Sequence[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {"topic": [], "queue": []}
        for each, target in zip(given, targets, strict=True):
            kind = "topic" if ":sns:" in target else "queue"
            found[kind].append(
                {
                    f"{kind}_arn": target,
                    "events": [_CREATED],
                    "filter_prefix": each.get("prefix"),
                    "filter_suffix": each.get("suffix"),
                }
            )
        return found

    return pulumi.Output.all(*(each["target"] for each in given)).apply(by_kind)


def _policy_statements(bucket_arn: pulumi.Output[str], args: UploadApiArgs) -> list[iam.Statement]:
    return [
        iam.refuse_old_signatures(bucket_arn, args.url_expires_in_seconds),
        iam.refuse_overwrites(bucket_arn, allow_forms=args.allow_forms),
        *iam.refuse_other_encryption(bucket_arn, args.kms_key_arn),
        *iam.refuse_other_networks(bucket_arn, args.allowed_source_cidrs, args.allowed_source_vpc_ids),
    ]
