"""What the API's functions work with, made when it is needed, once: settings, and clients without boto3."""

import os
from functools import cache
from typing import NamedTuple

from handlers.aws.environment import bucket_here, read_environment
from handlers.aws.json_client import DYNAMODB, SECRETS_MANAGER, AwsJson
from handlers.aws.s3_client import AwsS3
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.session_keys import SigningKeys
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.session_issuer import SessionIssuer


class TableEnvironment(NamedTuple):
    """Set where records are read or written."""

    uploads_table: str


class BucketEnvironment(NamedTuple):
    """Set where uploaded objects are concerned."""

    ingest_bucket: str


class EncryptionEnvironment(NamedTuple):
    """Set where it is said how objects are to be encrypted."""

    kms_key_arn: str
    """The customer's key; empty for AWS's own."""


class UrlEnvironment(NamedTuple):
    """Set where URLs are signed."""

    url_expires_in_seconds: int


class SessionEnvironment(NamedTuple):
    """Set where sessions are handed out."""

    session_key_secret: str
    session_expires_in_seconds: int


@cache
def uploads_table() -> str:
    """The status table's name."""
    return read_environment(TableEnvironment).uploads_table


@cache
def ingest_bucket() -> str:
    """The name of the bucket that takes the bytes."""
    return read_environment(BucketEnvironment).ingest_bucket


@cache
def kms_key_arn() -> str:
    """The key that objects are encrypted with; empty for AWS's own."""
    return read_environment(EncryptionEnvironment).kms_key_arn


@cache
def url_expires_in_seconds() -> int:
    """How long a URL lives."""
    return read_environment(UrlEnvironment).url_expires_in_seconds


@cache
def upload_store() -> UploadStore:
    """Make the table's client."""
    return UploadStore(AwsJson(DYNAMODB, os.environ["AWS_REGION"]), uploads_table())


@cache
def multipart_start() -> MultipartStart:
    """Make the bucket's client."""
    return MultipartStart(AwsS3(bucket_here(ingest_bucket())))


@cache
def session_issuer() -> SessionIssuer:
    """Make the secret's client."""
    env = read_environment(SessionEnvironment)
    keys = SigningKeys(AwsJson(SECRETS_MANAGER, os.environ["AWS_REGION"]), env.session_key_secret)
    return SessionIssuer(keys, env.session_expires_in_seconds)
