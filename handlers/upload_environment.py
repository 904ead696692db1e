"""What the functions that work on uploads have in common: settings, and clients that are made when needed."""

import os
from dataclasses import dataclass
from functools import cache

import boto3

from handlers.aws_json import SECRETS_MANAGER, AwsJson
from handlers.environment import read_environment
from handlers.uploads.part_store import PartStore
from handlers.uploads.session_issuer import SessionIssuer
from handlers.uploads.signing_keys import SigningKeys
from handlers.uploads.store import UploadStore


@dataclass(frozen=True)
class UploadEnvironment:
    """Set by the UploadApi component."""

    uploads_table: str
    ingest_bucket: str
    allowed_origins: tuple[str, ...]


@dataclass(frozen=True)
class SessionEnvironment:
    """Set where sessions are handed out."""

    session_key_secret: str
    session_expires_in_seconds: int


@cache
def environment() -> UploadEnvironment:
    """Read the settings, once."""
    return read_environment(UploadEnvironment)


@cache
def upload_store() -> UploadStore:
    """Make the table's client, once."""
    return UploadStore(boto3.client("dynamodb"), environment().uploads_table)


@cache
def part_store() -> PartStore:
    """Make the bucket's client, once."""
    return PartStore(boto3.client("s3"), environment().ingest_bucket)


@cache
def session_issuer() -> SessionIssuer:
    """Make the secret's client, once."""
    env = read_environment(SessionEnvironment)
    keys = SigningKeys(AwsJson(SECRETS_MANAGER, os.environ["AWS_REGION"]), env.session_key_secret)
    return SessionIssuer(keys, env.session_expires_in_seconds)
