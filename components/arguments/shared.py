"""Arguments that several components have."""

import pulumi

from components.arguments import limits
from components.arguments.constraints import Choice, Range
from components.arguments.declaration import Arguments, argument
from handlers.domain.delays import LONGEST_JOB_SECONDS


class TagArgs(Arguments):
    """Arguments of every public component."""

    tags: pulumi.Input[dict[str, pulumi.Input[str]]] = argument(limits.TAGS, default={})
    """Tags of all resources that AWS can tag, in addition to the provider's default tags.

    AWS takes 50 tags for a resource, all included. Tags that a resource has of its own, such as Name, have priority.
    """


class RoleArgs(Arguments):
    """Arguments of every public component with IAM roles."""

    permissions_boundary_arn: pulumi.Input[str] | None = argument(limits.BOUNDARY_ARN, default=None)
    """Policy that limits what the IAM roles of the component can be allowed; if omitted, none.

    It must allow what the roles' own policies allow. Otherwise AWS denies the calls.
    """


KMS_KEY_ARN = argument(limits.KMS_KEY_ARN, default=None)
DELETION_PROTECTION = argument(limits.BOOLEAN, default=True)


class ProtectionArgs(Arguments):
    """Arguments of every component that keeps data, which describes them again, for what it keeps."""

    kms_key_arn: pulumi.Input[str] | None = KMS_KEY_ARN
    """Customer managed KMS key that encrypts all that is stored; if omitted, AWS's own keys do."""
    deletion_protection: bool = DELETION_PROTECTION
    """Whether buckets, table, user pool, secrets, file system and cluster are protected from deletion.

    Switch it off only where data may be lost.
    """


class LogRetentionArgs(Arguments):
    """Arguments of every component with logs."""

    log_retention_days: int = argument(limits.LOG_RETENTION_DAYS, default=30)
    """Days after which CloudWatch Logs deletes log lines."""


class LogArgs(LogRetentionArgs):
    """Arguments of every component with Lambda functions."""

    log_level: str = argument(limits.LOG_LEVEL, default="INFO")
    """Lowest level of the log lines that functions write."""


class JobArgs(LogArgs):
    """Arguments of every compute."""

    timeout_seconds: int = argument(
        Range(
            10,
            LONGEST_JOB_SECONDS,
            "SQS hides a message for 12 hours; under 10 seconds a failure could not be recorded in time",
        ),
        default=300,
    )
    """Seconds for one object: at most 900 in functions, and 42000 in containers, with the compute fargate or eks."""
    memory_mb: int = argument(limits.MEMORY_MB, default=512)
    """Memory in MB for one job. A function has CPU in proportion: 1769 MB have one vCPU (Lambda guide)."""


class UploadsArgs(ProtectionArgs, LogArgs, TagArgs, RoleArgs):
    """Arguments of UploadApi and ProcessingPipeline. Give both the same values."""

    trigger: str = argument(
        Choice(("eventbridge", "s3-notifications"), "how S3 announces a new object"), default="eventbridge"
    )
    """What starts a job: an EventBridge rule, or S3's own notifications to an SNS topic.

    Your own queues and functions can subscribe to the topic, without a rule for each. Malware scans, archives and other
    targets of the events need EventBridge.
    """

    table_name: pulumi.Input[str] = argument(limits.TABLE_NAME)
    """Name of StatusTracker's table."""
    table_arn: pulumi.Input[str] = argument(limits.TABLE_ARN)
    """ARN of StatusTracker's table."""
    allowed_origins: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.ORIGINS, default=[])
    """Origins of the web pages that may call the API, send files and read results, such as https://app.example.com.

    At most 3,000 characters together with the allowed content types.
    """
    allowed_content_types: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.CONTENT_TYPES, default=[])
    """Media types that an owner may declare, such as application/pdf or image/*; if empty, all.

    A wildcard excludes types that can run where they are opened, such as image/svg+xml, text/html or scripts. List such
    a type by its name.
    """
    noncurrent_version_days: int = argument(limits.RETENTION_DAYS, default=30)
    """Days for which an overwritten or deleted object or result can be restored."""
