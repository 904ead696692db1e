"""URLs that boto3 and botocore sign with the clock stopped. The own signer must produce the same ones."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.utils import percent_encode
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, presign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "ingest-bucket"
REGION = "eu-central-1"
LOCAL = "http://localhost:4566"
TEMPORARY = Credentials("ASIAEXAMPLE", "secret/with+reserved=", "IQoJb3JpZ2luX2VjE/+=" * 50)
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

text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
keys = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)
header_values = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=30)
header_names = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True).map(lambda name: f"x-amz-meta-{name}")
headers = st.dictionaries(header_names, header_values, max_size=5)
endpoints = st.sampled_from([None, LOCAL])
credential_sets = st.sampled_from([PLAIN, TEMPORARY])
lifetimes = st.integers(1, 604_800)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it bare


@contextmanager
def stopped_clock(now: datetime) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: now)
        patch.setattr("botocore.signers.get_current_datetime", lambda: now)  # dates a form's policy
        yield


@cache
def client(endpoint: str | None = None, credentials: Credentials = PLAIN, region: str = REGION) -> "S3Client":
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
    peer: "S3Client", operation: str, parameters: Mapping[str, Any], *, seconds: int = 900, now: datetime = NOW
) -> str:
    with stopped_clock(now):
        return peer.generate_presigned_url(operation, Params={"Bucket": NAME, **parameters}, ExpiresIn=seconds)


def botocore_url(
    method: str,
    bucket: Bucket,
    key: str,
    credentials: Credentials,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    seconds: int = 60,
    now: datetime = NOW,
) -> str:
    """Sign any method, headers and query, which boto3's operations do not let one choose."""
    url = f"{bucket.origin}{bucket.path}/{percent_encode(key, safe='/~')}"
    request = AWSRequest(method=method, url=url, headers=dict(headers or {}), params=dict(query or {}))
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    with stopped_clock(now):
        S3SigV4QueryAuth(theirs, "s3", bucket.region, expires=seconds).add_auth(request)
    return str(request.url)


def boto3_put_url(
    key: str = KEY,
    *,
    name: str = NAME,
    region: str = REGION,
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    content_type: str = "application/pdf",
    size_bytes: int = 5,
    seconds: int = 900,
    now: datetime = NOW,
) -> str:
    parameters = {"Bucket": name, "Key": key, "ContentType": content_type, "ContentLength": size_bytes}
    return boto3_url(client(endpoint, credentials, region), "put_object", parameters, seconds=seconds, now=now)


def own_put_url(
    key: str = KEY,
    *,
    name: str = NAME,
    region: str = REGION,
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
