"""Rules for EFS."""
