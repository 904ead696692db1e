"""The client of the API's functions that look through parts, by boto3, made when it is needed, once."""

from functools import cache

import boto3

from handlers.entries.dependencies import ingest_bucket
from handlers.storage.multipart_completion import MultipartCompletion


@cache
def multipart_completion() -> MultipartCompletion:
    """Make the bucket's client."""
    return MultipartCompletion(boto3.client("s3"), ingest_bucket())
