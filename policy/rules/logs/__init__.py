"""Rules for CloudWatch Logs."""
