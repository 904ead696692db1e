"""The arguments of UploadApi."""

from collections.abc import Callable

import pulumi

from components.arguments import limits
from components.arguments.constraints import NotificationArgs, Range, SharedSpace
from components.arguments.declaration import argument
from components.arguments.notifications import notification_conflicts
from components.arguments.shared import DELETION_PROTECTION, KMS_KEY_ARN, UploadsArgs
from handlers.domain.plan import MAX_OBJECT_BYTES, MAX_SINGLE_REQUEST_BYTES
from handlers.storage.places import MOST_PLACES

_SHARED_SPACE = (
    SharedSpace(
        ("allowed_origins", "allowed_content_types"),
        3_000,
        per_item=0,
        space="a function's environment (4 KB, Lambda quotas), beside its other variables",
        fix="Use fewer, such as image/* for all types of images.",
    ),
    SharedSpace(
        ("allowed_source_cidrs", "allowed_source_vpc_ids"),
        16_000,
        per_item=2,  # quotation marks
        space="a bucket's policy (20 KB, S3 user guide), beside its other statements",
        fix="Use fewer, or larger networks.",
    ),
)


class UploadApiArgs(UploadsArgs):
    """Arguments of UploadApi."""

    kms_key_arn: pulumi.Input[str] | None = KMS_KEY_ARN
    """Customer managed KMS key that encrypts the ingest bucket and the session key; if omitted, keys of AWS do."""
    deletion_protection: bool = DELETION_PROTECTION
    """Whether the ingest bucket, the user pool and the session key are protected from deletion.

    Switch it off only where data may be lost.
    """

    bucket_notifications: list[NotificationArgs] = argument(limits.NOTIFICATIONS, default=[])
    """S3's own notifications of the bucket's new objects, to queues and topics of others.

    A bucket has one resource with all its notifications, which UploadApi makes, so another one would overwrite it.
    """

    user_pool_arn: pulumi.Input[str] | None = argument(limits.USER_POOL_ARN, default=None)
    """ARN of the Cognito user pool of the users that may upload; if omitted, UploadApi creates a pool and a client."""
    allow_sign_up: bool = argument(limits.BOOLEAN, default=False)
    """Whether anybody may sign up in the pool that UploadApi creates; otherwise an administrator creates users."""
    allowed_source_cidrs: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.CIDRS, default=[])
    """Networks from which files may be sent, such as 203.0.113.0/24; any, if these and the VPCs are empty.

    At most 16,000 characters together with the VPCs.
    """
    allowed_source_vpc_ids: pulumi.Input[list[pulumi.Input[str]]] = argument(limits.VPC_IDS, default=[])
    """VPCs from which files may be sent through their S3 endpoint, such as vpc-0a1b2c3d4e5f60718."""
    max_upload_bytes: int = argument(
        Range(1, MAX_OBJECT_BYTES, "S3 makes an object of at most 10,000 parts of 5 GiB"), default=100 * 1024**3
    )
    """Quota of each owner: size of the largest file in bytes."""
    max_open_uploads: int = argument(
        Range(1, MOST_PLACES, "an owner's open uploads must fit one page of a DynamoDB Query, 1 MB"), default=1_000
    )
    """Quota of each owner: uploads that are declared and not sent yet.

    An aborted PUT or form counts until its URL expires. After the limit is lowered, an owner can have more open uploads
    until earlier ones have ended.
    """
    allow_forms: bool = argument(limits.BOOLEAN, default=True)
    """Whether browsers' forms may send files (method post).

    S3 cannot reject a second form of the same upload; the first object is the one that is processed.
    """
    multipart_threshold_bytes: int = argument(
        Range(1, MAX_SINGLE_REQUEST_BYTES, "S3 takes at most 5 GiB in one PUT"), default=64 * 1024**2
    )
    """Size in bytes above which a file is sent in parts, unless the client asks for another method."""
    url_expires_in_seconds: int = argument(
        Range(1, 3_600, "a transfer has to start within it; more time only helps others who find the URL"), default=900
    )
    """Seconds within which a client must start to send."""
    session_expires_in_seconds: int = argument(
        Range(3_600, 604_800, "an upload that takes longer than a week asks for a new session"), default=86_400
    )
    """Seconds for which a client can have parts signed before it must ask for a new session."""
    session_key_rotation_days: int = argument(
        Range(
            8,
            1_000,
            "Secrets Manager's limit; a session of 7 days at most must end before its key's second rotation",
        ),
        default=30,
    )
    """Days after which a new key signs sessions."""
    record_retention_days: int = argument(limits.RETENTION_DAYS, default=90)
    """Days after which the record of an upload is deleted.

    A record is kept for at least 15 days after its URL expires, or 29 days for an upload in parts: until then its bytes
    may arrive, or their event may wait in a queue.
    """
    object_expiration_days: int | None = argument(limits.RETENTION_DAYS, default=None)
    """Days after which uploaded objects are deleted; if omitted, never."""
    throttle_rate: int = argument(
        Range(1, 10_000, "requests a second; an account's default quota in API Gateway"), default=50
    )
    """Requests per second that each operation answers before status code 429."""
    throttle_burst: int = argument(
        Range(1, 5_000, "requests at once; an account's default quota in API Gateway"), default=100
    )
    """Requests at once in addition to the rate."""
    manage_account_logging: bool = argument(limits.BOOLEAN, default=True)
    """Whether to set the one role with which API Gateway logs for the account and region.

    APIs of one program and provider set it once. Switch it off where another stack or program, or another provider of
    the same account and region, sets it.
    """

    def conflicts(self, spelled: Callable[[str], str] = str) -> list[str]:
        """Lists that are too long together, and settings of a user pool that contradict each other."""
        found = [each.conflict(vars(self), spelled) for each in _SHARED_SPACE]
        if self.user_pool_arn is not None and self.allow_sign_up:
            found.append(
                f"{spelled('allow_sign_up')} is true, but the pool of {spelled('user_pool_arn')} has its own rules; "
                "leave it out."
            )
        found += notification_conflicts(self.bucket_notifications, self.trigger, spelled)
        return [each for each in found if each is not None]
