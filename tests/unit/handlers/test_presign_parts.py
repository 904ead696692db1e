from datetime import timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, presign
from tests.support.each_case import each_case

if TYPE_CHECKING:
    pass

from tests.support.aws.botocore_signer import KEY, NOW, PLAIN, boto3_put_url, botocore_url, own_put_url

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
keys = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).map(lambda name: f"X-Amz-Meta-{name}")
header_values = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=30)


class TestHeaders:
    @given(st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]), st.dictionaries(header_names, header_values, max_size=5))
    def test_whatever_the_method_and_the_headers_the_url_is_botocores(
        self, method: str, headers: dict[str, str]
    ) -> None:
        headers = {name.lower(): value for name, value in headers.items()}
        bucket = Bucket.at("ingest-bucket", "eu-central-1")
        ours = presign(method, bucket, KEY, PLAIN, headers=headers, expires_in_seconds=60, now=NOW)
        assert ours == botocore_url(method, bucket, KEY, PLAIN, headers=headers, seconds=60)

    @each_case(
        ("value", "same_as"), [("a  b", "a b"), (" a b ", "a b"), ("a\tb", "a b"), ("a \t  b", "a b"), ("", "   ")]
    )
    def test_white_space_is_folded_as_http_clients_may_fold_it(self, value: str, same_as: str) -> None:
        assert own_put_url(content_type=value) == own_put_url(content_type=same_as)
        assert own_put_url(content_type=value) != own_put_url(content_type=f"{same_as}x")

    def test_case_and_order_of_names_do_not_matter(self) -> None:
        bucket = Bucket.at("ingest-bucket", "eu-central-1")
        one, other = (
            presign("PUT", bucket, KEY, PLAIN, headers=headers, expires_in_seconds=60, now=NOW)
            for headers in (
                {"Content-Type": "a/b", "Content-Length": "5"},
                {"content-length": "5", "CONTENT-TYPE": "a/b"},
            )
        )
        assert one == other

    def test_exactly_the_given_headers_and_the_host_are_signed(self) -> None:
        assert parse_qs(urlsplit(own_put_url()).query)["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
        bucket = Bucket.at("ingest-bucket", "eu-central-1")
        bare = presign("GET", bucket, KEY, PLAIN, headers={}, expires_in_seconds=60, now=NOW)
        assert parse_qs(urlsplit(bare).query)["X-Amz-SignedHeaders"] == ["host"]

    def test_a_form_content_type_is_signed_though_botocore_leaves_it_out(self) -> None:
        form = "application/x-www-form-urlencoded; charset=utf-8"
        assert "content-type" not in boto3_put_url(content_type=form)
        assert parse_qs(urlsplit(own_put_url(content_type=form)).query)["X-Amz-SignedHeaders"] == [
            "content-length;content-type;host"
        ]
        assert own_put_url(content_type=form) != own_put_url(content_type="text/plain")


class TestMoment:
    def test_another_time_zone_is_the_same_moment(self) -> None:
        assert own_put_url(now=NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))) == own_put_url(now=NOW)

    def test_the_url_names_its_second_and_its_lifetime(self) -> None:
        query = parse_qs(urlsplit(own_put_url(seconds=60)).query)
        assert (query["X-Amz-Date"], query["X-Amz-Expires"]) == (["20260228T235959Z"], ["60"])


class TestSigningKey:
    @pytest.fixture
    def macs(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """Every HMAC computed: four derive a signing key, one signs."""
        made: list[bytes] = []

        def digest(key: bytes, message: bytes, algorithm: str) -> bytes:
            made.append(message)
            return real(key, message, algorithm)

        from handlers.aws import presign as module  # noqa: PLC0415 - the function of that name is imported above

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
            own_put_url(credentials=credentials, now=now, region=region)
            counts.append(len(macs) - before)
        assert counts == [5, 1, 5, 1, 5, 5, 1]

    def test_a_cached_key_never_signs_for_another_day_or_secret(self) -> None:
        for secret in ("first", "second", "first"):
            for now in (NOW, NOW + timedelta(seconds=1), NOW):
                credentials = Credentials("AKIA1", secret)
                assert own_put_url(credentials=credentials, now=now) == boto3_put_url(credentials=credentials, now=now)
