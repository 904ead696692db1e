"""The clients of the API's functions that use boto3, made when they are needed, once."""

from functools import cache

import boto3

from handlers.aws_boto3 import Boto3Json
from handlers.upload_environment import ingest_bucket, uploads_table
from handlers.uploads.part_store import PartStore
from handlers.uploads.store import UploadStore


@cache
def upload_store() -> UploadStore:
    """Make the table's client."""
    return UploadStore(Boto3Json(boto3.client("dynamodb")), uploads_table())


@cache
def part_store() -> PartStore:
    """Make the bucket's client."""
    return PartStore(boto3.client("s3"), ingest_bucket())
