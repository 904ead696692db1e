"""The layout of the status table, which the StatusTracker makes and the UploadStore writes.

An item's keys are `owner` and `upload_id`. While the upload is open it has `open_shard`, which puts it into the
sparse index of open uploads; a terminal state removes it. `delete_at` (epoch seconds) is the table's TTL.
"""

PARTITION_KEY = "owner"
SORT_KEY = "upload_id"
TTL_ATTRIBUTE = "delete_at"

OPEN_INDEX = "open-uploads"
OPEN_INDEX_PARTITION_KEY = "open_shard"
OPEN_INDEX_SORT_KEY = "updated_at"
OPEN_INDEX_ATTRIBUTES = ("status", "expires_at")
"""What a reader of the index gets besides the keys."""
