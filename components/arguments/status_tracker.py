"""The arguments of StatusTracker."""

import pulumi

from components.arguments.constraints import Range
from components.arguments.declaration import argument
from components.arguments.shared import DELETION_PROTECTION, KMS_KEY_ARN, ProtectionArgs, TagArgs


class StatusTrackerArgs(ProtectionArgs, TagArgs):
    """Arguments of StatusTracker."""

    kms_key_arn: pulumi.Input[str] | None = KMS_KEY_ARN
    """Customer managed KMS key that encrypts the table; if omitted, a key of AWS does."""
    deletion_protection: bool = DELETION_PROTECTION
    """Whether the table is protected from deletion.

    Switch it off only where data may be lost.
    """

    recovery_days: int = argument(Range(1, 35, "DynamoDB's limit for point-in-time recovery"), default=35)
    """Days back to which the status table can be restored."""
