"""The layout of the status table, which the StatusTracker makes and the UploadStore writes.

An item's keys are `owner` and `upload_id`. An upload has `open_shard` until it is in a terminal state: the attribute
puts it into the sparse index of open uploads. `delete_at` (epoch seconds) is the table's TTL.

An owner's partition also has two other kinds of items: Idempotency-Keys, for a day, and the places that open uploads
hold (places.py). Their sort keys are above those of all uploads. The partition RECONCILER has one item: where in the
index of open uploads its last run stopped.
"""

PARTITION_KEY = "owner"
SORT_KEY = "upload_id"
TTL_ATTRIBUTE = "delete_at"

CLAIM_PREFIX = "idempotency#"
PLACE_PREFIX = "place#"
"""Followed by the place's number in four digits."""
ABOVE_ALL_UPLOADS = "g"
"""Uploads' sort keys begin with a hexadecimal digit."""

RECONCILER = "reconcile_uploads"
"""Owners are UUIDs."""

OPEN_INDEX = "open-uploads"
OPEN_INDEX_PARTITION_KEY = "open_shard"
OPEN_INDEX_SORT_KEY = "updated_at"
OPEN_INDEX_ATTRIBUTES = ("status", "expires_at")
"""Attributes of the index in addition to the keys."""
