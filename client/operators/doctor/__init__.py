"""Compares a stack with its AWS account: quotas, settings, changes by hand, and cost."""
