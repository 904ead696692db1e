"""What botocore signs, of any operation, query or form: the peer that the signer must equal."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.utils import percent_encode
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials
from tests.unit.handlers import signing
from tests.unit.handlers.signing import NOW, PLAIN

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "ingest-bucket"
REGION = "eu-central-1"
LOCAL = "http://localhost:4566"
TEMPORARY = Credentials("ASIAEXAMPLE", "secret/with+reserved=", "IQoJb3JpZ2luX2VjE/+=" * 50)

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
    with signing.stopped_clock(now), pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.signers.get_current_datetime", lambda: now)  # which dates a form's policy
        yield


def client(endpoint: str | None = None, credentials: Credentials = PLAIN) -> "S3Client":
    return signing.client(REGION, endpoint, credentials)


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
