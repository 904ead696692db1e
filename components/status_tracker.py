"""StatusTracker: the table that has the state of every upload."""

import pulumi
import pulumi_aws as aws

from components.arguments.names import TABLE, check_names
from components.arguments.status_tracker import StatusTrackerArgs
from components.descendants import with_descendants
from handlers.storage import table as layout

__all__ = ["StatusTracker", "StatusTrackerArgs"]


class StatusTracker(pulumi.ComponentResource):
    """The status table.

    A partition has the uploads of one owner, newest last. A sparse, sharded index has the open uploads. Contains no
    Lambda function: functions write to the table with permissions from iam.py.
    """

    table_name: pulumi.Output[str]
    """Name of the table, UPLOADS_TABLE for handlers."""
    table_arn: pulumi.Output[str]
    """ARN of the table."""
    stream_arn: pulumi.Output[str]
    """ARN of the stream of the table's changes, with the old and the new record."""

    def __init__(self, name: str, args: StatusTrackerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = StatusTrackerArgs.of(args)
        check_names("StatusTracker", name, {TABLE: "-uploads"})
        super().__init__("portage:index:StatusTracker", name, {}, with_descendants(opts, args))

        keys = (
            layout.PARTITION_KEY,
            layout.SORT_KEY,
            layout.OPEN_INDEX_PARTITION_KEY,
            layout.OPEN_INDEX_SORT_KEY,
        )
        table = aws.dynamodb.Table(
            f"{name}-uploads",
            billing_mode="PAY_PER_REQUEST",
            hash_key=layout.PARTITION_KEY,
            range_key=layout.SORT_KEY,
            attributes=[{"name": key, "type": "S"} for key in keys],
            global_secondary_indexes=[
                {
                    "name": layout.OPEN_INDEX,
                    "key_schemas": [
                        {"attribute_name": layout.OPEN_INDEX_PARTITION_KEY, "key_type": "HASH"},
                        {"attribute_name": layout.OPEN_INDEX_SORT_KEY, "key_type": "RANGE"},
                    ],
                    "projection_type": "INCLUDE",
                    "non_key_attributes": list(layout.OPEN_INDEX_ATTRIBUTES),
                },
            ],
            ttl={"enabled": True, "attribute_name": layout.TTL_ATTRIBUTE},
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": args.recovery_days},
            server_side_encryption={"enabled": True, "kms_key_arn": args.kms_key_arn},
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
            deletion_protection_enabled=args.deletion_protection,
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.table_name = table.name
        self.table_arn = table.arn
        self.stream_arn = table.stream_arn
        self.register_outputs(
            {"table_name": self.table_name, "table_arn": self.table_arn, "stream_arn": self.stream_arn}
        )
