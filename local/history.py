"""What became of an upload, as the status table's stream recorded it."""

from dataclasses import dataclass
from datetime import datetime

from local.emulator.process import Emulator


@dataclass(frozen=True)
class Change:
    """One change of an upload's status."""

    version: int
    status: str
    at: datetime


def status_changes(emulator: Emulator, table: str, upload_id: str) -> list[Change]:
    """Return every change in order, as the operator; a stream keeps 24 hours."""
    streams = emulator.client("dynamodbstreams")
    stream = emulator.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    changes: list[Change] = []
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        start = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        for record in streams.get_records(ShardIterator=start["ShardIterator"])["Records"]:
            item = record["dynamodb"].get("NewImage", {})
            if item.get("upload_id") == {"S": upload_id}:
                at = datetime.fromisoformat(item["updated_at"]["S"])
                changes.append(Change(int(item["version"]["N"]), item["status"]["S"], at))
    return sorted(changes, key=lambda change: change.version)
