"""Rules for Step Functions."""
