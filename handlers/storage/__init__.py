"""Access to the status table, S3, the queue and the session keys."""
