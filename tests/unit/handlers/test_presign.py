from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, presign
from tests.support.aws.botocore_signer import (
    HEADERS,
    NOW,
    PLAIN,
    STRANGE_KEYS,
    boto3_put_url,
    botocore_url,
    own_put_url,
)
from tests.support.each_case import each_case

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
keys = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).map(lambda name: f"X-Amz-Meta-{name}")
header_values = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=30)


class TestEqualToBoto3ByteForByte:
    @each_case("key", STRANGE_KEYS)
    @each_case("endpoint", [None, "http://localhost:4566"])
    def test_for_any_key(self, key: str, endpoint: str | None) -> None:
        assert own_put_url(key, endpoint=endpoint) == boto3_put_url(key, endpoint=endpoint)

    @each_case("region", ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"])
    def test_for_any_region(self, region: str) -> None:
        assert own_put_url(region=region) == boto3_put_url(region=region)

    @each_case(
        "endpoint",
        [
            "http://localhost:4566",
            "http://localhost:4566/",
            "http://127.0.0.1:45123",
            "http://[::1]:4566",
            "https://s3.example.com",
            "https://s3.example.com:8443",
        ],
    )
    def test_for_any_endpoint(self, endpoint: str) -> None:
        assert own_put_url(endpoint=endpoint) == boto3_put_url(endpoint=endpoint)

    @each_case(
        "endpoint",
        [
            "http://localhost:80",
            "https://s3.example.com:443",
            "http://LOCALHOST:4566",
            "http://localhost:4566/base",
            "http://localhost:4566/base/",
            "http://[::1]:80",
        ],
    )
    def test_the_signature_is_boto3s_for_an_endpoint_that_is_not_in_its_shortest_form(self, endpoint: str) -> None:
        """A client leaves the scheme's own port out of Host, and sends it in lower case."""
        ours, theirs = urlsplit(own_put_url(endpoint=endpoint)), urlsplit(boto3_put_url(endpoint=endpoint))
        assert (ours.path, ours.query) == (theirs.path, theirs.query)
        assert ours.hostname == theirs.hostname

    @each_case("region", ["eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"])
    def test_for_a_region_of_another_partition(self, region: str) -> None:
        assert own_put_url(region=region) == boto3_put_url(region=region)

    def test_for_a_bucket_with_a_dot_in_its_name(self) -> None:
        assert own_put_url(name="ingest.example") == boto3_put_url(name="ingest.example")

    @each_case(
        "content_type",
        [
            "text/csv; charset=utf-8",
            "image/svg+xml",
            "two  spaces\tand a tab",
            "  around  ",
            "a,b",
            "tëxt/é",
            "名前/😀",
            "x" * 255,
        ],
    )
    def test_for_any_content_type(self, content_type: str) -> None:
        assert own_put_url(content_type=content_type) == boto3_put_url(content_type=content_type)

    @each_case("size_bytes", [1, 1024**2, 5 * 1024**3])
    @each_case("seconds", [1, 900, 604_800])
    def test_for_any_size_and_lifetime(self, size_bytes: int, seconds: int) -> None:
        assert own_put_url(size_bytes=size_bytes, seconds=seconds) == boto3_put_url(
            size_bytes=size_bytes, seconds=seconds
        )

    @each_case(
        "now",
        [
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2028, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 12, 31, 12, 34, 56, tzinfo=UTC),
        ],
    )
    def test_at_any_time(self, now: datetime) -> None:
        assert own_put_url(now=now) == boto3_put_url(now=now)

    @given(keys, st.integers(1, 5 * 1024**3), st.integers(1, 604_800), st.booleans())
    def test_whatever_the_key_the_size_and_the_lifetime(
        self, key: str, size_bytes: int, seconds: int, local: bool
    ) -> None:
        endpoint = "http://localhost:4566" if local else None
        ours = own_put_url(key, size_bytes=size_bytes, seconds=seconds, endpoint=endpoint)
        assert ours == boto3_put_url(key, size_bytes=size_bytes, seconds=seconds, endpoint=endpoint)


class TestWithASessionToken:
    @each_case("token", ["t", "a/b+c==", "IQoJb3JpZ2luX2VjE/+=" * 50, "with space", "é"])
    @each_case("endpoint", [None, "http://localhost:4566"])
    def test_the_url_is_that_of_boto3_byte_for_byte(self, token: str, endpoint: str | None) -> None:
        credentials = Credentials("ASIAEXAMPLE", "secret/with+reserved=", token)
        ours = own_put_url(credentials=credentials, endpoint=endpoint)
        assert ours == boto3_put_url(credentials=credentials, endpoint=endpoint)
        assert parse_qs(urlsplit(ours).query)["X-Amz-Security-Token"] == [token]

    def test_an_empty_token_is_none(self) -> None:
        assert own_put_url(credentials=Credentials(PLAIN.access_key_id, PLAIN.secret_access_key, "")) == own_put_url()

    @given(printable, printable, st.none() | printable, keys)
    def test_whatever_the_credentials_the_url_is_botocores(
        self, access_key_id: str, secret: str, token: str | None, key: str
    ) -> None:
        credentials = Credentials(access_key_id, secret, token)
        bucket = Bucket.at("ingest-bucket", "eu-central-1")
        ours = presign("PUT", bucket, key, credentials, headers=HEADERS, expires_in_seconds=60, now=NOW)
        assert ours == botocore_url("PUT", bucket, key, credentials, headers=HEADERS, seconds=60)
