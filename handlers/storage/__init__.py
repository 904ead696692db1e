"""Where uploads are kept: the status table, S3, the queue and the session keys."""
