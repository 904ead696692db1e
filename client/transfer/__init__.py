"""Sends files to S3, continues interrupted uploads, and downloads results."""
