from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.uploads.presign import Bucket, Credentials, presign
from tests.unit.handlers import boto3_signer as peer
from tests.unit.handlers.boto3_signer import KEY, LOCAL, NAME, NOW, PLAIN, REGION, STRANGE_KEYS, botocore_url

HEADERS = {"Content-Length": "5", "Content-Type": "application/pdf"}

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def boto3_url(
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
    client = peer.client(endpoint, credentials, region=region)
    asked = {"Bucket": name, "Key": key, "ContentType": content_type, "ContentLength": size_bytes}
    return peer.boto3_url(client, "put_object", asked, seconds=seconds, now=now)


def own_url(
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


class TestEqualToBoto3ByteForByte:
    @pytest.mark.parametrize("key", STRANGE_KEYS)
    @pytest.mark.parametrize("endpoint", [None, LOCAL], ids=["virtual", "path"])
    def test_for_any_key(self, key: str, endpoint: str | None) -> None:
        assert own_url(key, endpoint=endpoint) == boto3_url(key, endpoint=endpoint)

    @pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"])
    def test_for_any_region(self, region: str) -> None:
        assert own_url(region=region) == boto3_url(region=region)

    @pytest.mark.parametrize(
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
        assert own_url(endpoint=endpoint) == boto3_url(endpoint=endpoint)

    @pytest.mark.parametrize(
        "endpoint",
        ["http://localhost:80", "https://s3.example.com:443", "http://LOCALHOST:4566", "http://localhost:4566/base"],
    )
    def test_for_an_endpoint_that_is_not_in_its_shortest_form(self, endpoint: str) -> None:
        assert own_url(endpoint=endpoint) == boto3_url(endpoint=endpoint)

    @pytest.mark.parametrize(
        "region", ["eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"]
    )
    def test_for_a_region_of_another_partition(self, region: str) -> None:
        assert own_url(region=region) == boto3_url(region=region)

    def test_for_a_bucket_with_a_dot_in_its_name(self) -> None:
        assert own_url(name="ingest.example") == boto3_url(name="ingest.example")

    @pytest.mark.parametrize(
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
        assert own_url(content_type=content_type) == boto3_url(content_type=content_type)

    @pytest.mark.parametrize("size_bytes", [1, 1024**2, 5 * 1024**3])
    @pytest.mark.parametrize("seconds", [1, 900, 604_800])
    def test_for_any_size_and_lifetime(self, size_bytes: int, seconds: int) -> None:
        assert own_url(size_bytes=size_bytes, seconds=seconds) == boto3_url(size_bytes=size_bytes, seconds=seconds)

    @pytest.mark.parametrize(
        "now",
        [
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2028, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 12, 31, 12, 34, 56, tzinfo=UTC),
        ],
    )
    def test_at_any_time(self, now: datetime) -> None:
        assert own_url(now=now) == boto3_url(now=now)

    @given(peer.keys, st.integers(1, 5 * 1024**3), peer.lifetimes, peer.endpoints, peer.moments)
    def test_whatever_the_key_the_size_the_lifetime_and_the_time(
        self, key: str, size_bytes: int, seconds: int, endpoint: str | None, now: datetime
    ) -> None:
        ours = own_url(key, size_bytes=size_bytes, seconds=seconds, endpoint=endpoint, now=now)
        assert ours == boto3_url(key, size_bytes=size_bytes, seconds=seconds, endpoint=endpoint, now=now)


class TestWithASessionToken:
    @pytest.mark.parametrize("token", ["t", "a/b+c==", "IQoJb3JpZ2luX2VjE/+=" * 50, "with space", "é"])
    @pytest.mark.parametrize("endpoint", [None, LOCAL], ids=["virtual", "path"])
    def test_the_url_is_that_of_boto3(self, token: str, endpoint: str | None) -> None:
        credentials = Credentials("ASIAEXAMPLE", "secret/with+reserved=", token)
        ours = own_url(credentials=credentials, endpoint=endpoint)
        assert ours == boto3_url(credentials=credentials, endpoint=endpoint)
        assert parse_qs(urlsplit(ours).query)["X-Amz-Security-Token"] == [token]

    def test_an_empty_token_is_none(self) -> None:
        assert own_url(credentials=Credentials(PLAIN.access_key_id, PLAIN.secret_access_key, "")) == own_url()

    @given(printable, printable, st.none() | printable, peer.keys)
    def test_whatever_the_credentials_the_url_is_botocores(
        self, access_key_id: str, secret: str, token: str | None, key: str
    ) -> None:
        credentials = Credentials(access_key_id, secret, token)
        bucket = Bucket.at(NAME, REGION)
        ours = presign("PUT", bucket, key, credentials, headers=HEADERS, expires_in_seconds=60, now=NOW)
        assert ours == botocore_url("PUT", bucket, key, credentials, headers=HEADERS)


class TestHeaders:
    @given(st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]), peer.headers)
    def test_whatever_the_method_and_the_headers_the_url_is_botocores(
        self, method: str, headers: dict[str, str]
    ) -> None:
        bucket = Bucket.at(NAME, REGION)
        ours = presign(method, bucket, KEY, PLAIN, headers=headers, expires_in_seconds=60, now=NOW)
        assert ours == botocore_url(method, bucket, KEY, PLAIN, headers=headers)

    @pytest.mark.parametrize(
        ("value", "same_as"), [("a  b", "a b"), (" a b ", "a b"), ("a\tb", "a b"), ("a \t  b", "a b"), ("", "   ")]
    )
    def test_white_space_is_folded_as_http_clients_may_fold_it(self, value: str, same_as: str) -> None:
        assert own_url(content_type=value) == own_url(content_type=same_as)
        assert own_url(content_type=value) != own_url(content_type=f"{same_as}x")

    def test_case_and_order_of_names_do_not_matter(self) -> None:
        bucket = Bucket.at(NAME, REGION)
        one, other = (
            presign("PUT", bucket, KEY, PLAIN, headers=headers, expires_in_seconds=60, now=NOW)
            for headers in (
                {"Content-Type": "a/b", "Content-Length": "5"},
                {"content-length": "5", "CONTENT-TYPE": "a/b"},
            )
        )
        assert one == other

    def test_exactly_the_given_headers_and_the_host_are_signed(self) -> None:
        assert parse_qs(urlsplit(own_url()).query)["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
        bucket = Bucket.at(NAME, REGION)
        bare = presign("GET", bucket, KEY, PLAIN, headers={}, expires_in_seconds=60, now=NOW)
        assert parse_qs(urlsplit(bare).query)["X-Amz-SignedHeaders"] == ["host"]

    def test_a_form_content_type_is_signed_though_botocore_leaves_it_out(self) -> None:
        form = "application/x-www-form-urlencoded; charset=utf-8"
        assert "content-type" not in boto3_url(content_type=form)
        assert parse_qs(urlsplit(own_url(content_type=form)).query)["X-Amz-SignedHeaders"] == [
            "content-length;content-type;host"
        ]
        assert own_url(content_type=form) != own_url(content_type="text/plain")


class TestMoment:
    def test_another_time_zone_is_the_same_moment(self) -> None:
        assert own_url(now=NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))) == own_url(now=NOW)

    def test_the_url_names_its_second_and_its_lifetime(self) -> None:
        query = parse_qs(urlsplit(own_url(seconds=60)).query)
        assert (query["X-Amz-Date"], query["X-Amz-Expires"]) == (["20260228T235959Z"], ["60"])


class TestSigningKey:
    @pytest.fixture
    def macs(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """Every HMAC computed: four derive a signing key, one signs."""
        made: list[bytes] = []

        def digest(key: bytes, message: bytes, algorithm: str) -> bytes:
            made.append(message)
            return real(key, message, algorithm)

        from handlers.uploads import presign as module  # noqa: PLC0415 - the function of that name is imported above

        real = module.hmac.digest
        monkeypatch.setattr(module.hmac, "digest", digest)
        return made

    def test_it_is_derived_once_a_day_and_secret_and_region(self, macs: list[bytes]) -> None:
        one, other = Credentials("AKIA1", "cached-secret-1"), Credentials("AKIA1", "cached-secret-2")
        tomorrow = NOW + timedelta(seconds=1)
        counts: list[int] = []
        for credentials, now, region in [
            (one, NOW, "eu-central-1"),
            (one, NOW - timedelta(hours=23), "eu-central-1"),
            (one, tomorrow, "eu-central-1"),
            (one, tomorrow, "eu-central-1"),
            (other, tomorrow, "eu-central-1"),
            (other, tomorrow, "us-east-1"),
            (other, tomorrow, "us-east-1"),
        ]:
            before = len(macs)
            own_url(credentials=credentials, now=now, region=region)
            counts.append(len(macs) - before)
        assert counts == [5, 1, 5, 1, 5, 5, 1]

    def test_a_cached_key_never_signs_for_another_day_or_secret(self) -> None:
        for secret in ("first", "second", "first"):
            for now in (NOW, NOW + timedelta(seconds=1), NOW):
                credentials = Credentials("AKIA1", secret)
                assert own_url(credentials=credentials, now=now) == boto3_url(credentials=credentials, now=now)
