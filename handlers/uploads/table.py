"""The layout of the status table, which the StatusTracker makes and the UploadStore writes.

An item's keys are `owner` and `upload_id`. While the upload is open it has `open_shard`, which puts it into the
sparse index of open uploads; a terminal state removes it. While its bytes may still come it has `open_until`, which
puts it into the sparse index that an owner's quota counts. `delete_at` (epoch seconds) is the table's TTL.

Beside uploads stand the Idempotency-Keys that they were asked for with, for a day: their sort key begins with
CLAIM_PREFIX, which is above any upload_id's first digit.
"""

PARTITION_KEY = "owner"
SORT_KEY = "upload_id"
TTL_ATTRIBUTE = "delete_at"

CLAIM_PREFIX = "idempotency#"
ABOVE_ALL_UPLOADS = "g"
"""Uploads' sort keys begin with a hexadecimal digit."""

OPEN_INDEX = "open-uploads"
OPEN_INDEX_PARTITION_KEY = "open_shard"
OPEN_INDEX_SORT_KEY = "updated_at"
OPEN_INDEX_ATTRIBUTES = ("status", "expires_at")
"""What a reader of the index gets besides the keys."""

PENDING_INDEX = "pending-uploads"
PENDING_INDEX_PARTITION_KEY = PARTITION_KEY
PENDING_INDEX_SORT_KEY = "open_until"
