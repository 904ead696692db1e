"""The same URLs from boto3, from botocore's signer and from our own, with the clock stopped."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.utils import percent_encode

from handlers.aws.presign import Bucket, Credentials, presign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
KEY = "uploads/6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11/01985c2e-5a00-7000-8000-000000000001"
PLAIN = Credentials("AKIAEXAMPLE", "secret/with+reserved=")
HEADERS = {"Content-Length": "5", "Content-Type": "application/pdf"}

STRANGE_KEYS = [
    KEY,
    "k",
    "a b",
    "a+b",
    "-._~",
    "!*'()",
    ":@&=+$,;?#[]%",
    "already%20encoded",
    '"<>\\^`{|}',
    "tab\tand\nnewline",
    "Überweisung März.pdf",
    "名前/😀",
    "e\u0301 is not \u00e9",
    "a//b",
    "/leading",
    "trailing/",
    "a/../b/./c",
    "x" * 1024,
    "é" * 512,
]


@contextmanager
def stopped_clock(now: datetime) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: now)
        yield


@cache
def client(region: str, endpoint: str | None, credentials: Credentials) -> "S3Client":
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"},
    )
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=config,
    )


def boto3_url(
    key: str = KEY,
    *,
    name: str = "ingest-bucket",
    region: str = "eu-central-1",
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    content_type: str = "application/pdf",
    size_bytes: int = 5,
    seconds: int = 900,
    now: datetime = NOW,
) -> str:
    with stopped_clock(now):
        return client(region, endpoint, credentials).generate_presigned_url(
            "put_object",
            Params={"Bucket": name, "Key": key, "ContentType": content_type, "ContentLength": size_bytes},
            ExpiresIn=seconds,
        )


def own_url(
    key: str = KEY,
    *,
    name: str = "ingest-bucket",
    region: str = "eu-central-1",
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    content_type: str = "application/pdf",
    size_bytes: int = 5,
    seconds: int = 900,
    now: datetime = NOW,
) -> str:
    headers = {"Content-Type": content_type, "Content-Length": str(size_bytes)}
    bucket = Bucket.at(name, region, endpoint)
    return presign("PUT", bucket, key, credentials, headers=headers, expires_in_seconds=seconds, now=now)


def botocore_signed(
    method: str, bucket: Bucket, key: str, credentials: Credentials, headers: Mapping[str, str], *, seconds: int
) -> str:
    """Sign any method and headers, which boto3's operations do not let one choose."""
    url = f"{bucket.origin}{bucket.path}/{percent_encode(key, safe='/~')}"
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    with stopped_clock(NOW):
        S3SigV4QueryAuth(theirs, "s3", bucket.region, expires=seconds).add_auth(request)
    return str(request.url)
