"""Clients of AWS without boto3, Signature Version 4, and a function's environment."""
