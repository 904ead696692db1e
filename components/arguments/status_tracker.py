"""The arguments of StatusTracker."""

from components.arguments.constraints import Range
from components.arguments.declaration import argument
from components.arguments.shared import ProtectionArgs, TagArgs


class StatusTrackerArgs(ProtectionArgs, TagArgs):
    """Arguments of StatusTracker."""

    recovery_days: int = argument(Range(1, 35, "DynamoDB's limit for point-in-time recovery"), default=35)
    """Days back to which the status table can be restored."""
