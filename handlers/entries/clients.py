"""The light clients that the API's entries share. Each is made when it is first needed, and then kept."""

import os
from functools import cache

from handlers.aws.environment import bucket_here
from handlers.aws.json_client import DYNAMODB, SECRETS_MANAGER, AwsJson
from handlers.aws.s3_client import AwsS3
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.session_keys import SigningKeys
from handlers.storage.upload_store import UploadStore


@cache
def upload_store(table: str) -> UploadStore:
    """Return the records in the status table."""
    return UploadStore(AwsJson(DYNAMODB, os.environ["AWS_REGION"]), table)


@cache
def multipart_start(bucket: str) -> MultipartStart:
    """Return the multipart uploads of a bucket."""
    return MultipartStart(AwsS3(bucket_here(bucket)))


@cache
def signing_keys(secret: str) -> SigningKeys:
    """Return the keys in the secret that signs sessions."""
    return SigningKeys(AwsJson(SECRETS_MANAGER, os.environ["AWS_REGION"]), secret)
