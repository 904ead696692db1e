import base64
import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.presign import Bucket, Credentials, Form, presign_post
from tests.support.aws import botocore_signer as peer
from tests.support.aws.botocore_signer import KEY, LOCAL, NAME, NOW, PLAIN, REGION, STRANGE_KEYS, TEMPORARY
from tests.support.each_case import each_case

FIELDS = {"Content-Type": "application/pdf"}
SHA256 = {
    "x-amz-checksum-algorithm": "SHA256",
    "x-amz-checksum-sha256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
}
RESERVED = {"bucket", "key", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}

fields = st.dictionaries(peer.header_names | peer.text.filter(lambda name: name not in RESERVED), peer.text, max_size=5)


def own_form(
    key: str = KEY,
    *,
    name: str = NAME,
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    fields: dict[str, str] = FIELDS,
    size_range: tuple[int, int] = (5, 5),
    seconds: int = 900,
    now: datetime = NOW,
) -> Form:
    return presign_post(
        Bucket.at(name, REGION, endpoint),
        key,
        credentials,
        fields=fields,
        size_range=size_range,
        expires_in_seconds=seconds,
        now=now,
    )


def boto3_form(
    key: str = KEY,
    *,
    name: str = NAME,
    endpoint: str | None = None,
    credentials: Credentials = PLAIN,
    fields: dict[str, str] = FIELDS,
    size_range: tuple[int, int] = (5, 5),
    seconds: int = 900,
    now: datetime = NOW,
) -> Form:
    with peer.stopped_clock(now):
        form = peer.client(endpoint, credentials).generate_presigned_post(
            name,
            key,
            Fields=dict(fields),
            Conditions=[["content-length-range", *size_range], *({name: value} for name, value in fields.items())],
            ExpiresIn=seconds,
        )
    return Form(form["url"], form["fields"])


def policy(form: Form) -> dict[str, object]:
    return json.loads(base64.b64decode(form.fields["policy"]))


class TestEqualToBoto3ByteForByte:
    @each_case("key", STRANGE_KEYS)
    @each_case("endpoint", [None, LOCAL, "http://localhost:4566/base/"])
    def test_for_any_key(self, key: str, endpoint: str | None) -> None:
        assert own_form(key, endpoint=endpoint) == boto3_form(key, endpoint=endpoint)

    @each_case("credentials", [PLAIN, TEMPORARY])
    @each_case(
        "fields",
        [
            {},
            FIELDS,
            FIELDS | SHA256,
            FIELDS | {"x-amz-checksum-crc32": "AAAAAA=="},
            {"Content-Type": "text/csv; charset=utf-8", "success_action_status": "201"},
            {"Content-Type": "名前/😀", "x-amz-meta-quote": '"\\\n$ ', "acl": ""},
        ],
    )
    def test_for_any_fields(self, fields: dict[str, str], credentials: Credentials) -> None:
        ours = own_form(fields=fields, credentials=credentials)
        theirs = boto3_form(fields=fields, credentials=credentials)
        assert (ours, list(ours.fields)) == (theirs, list(theirs.fields))

    def test_for_a_bucket_with_a_dot_in_its_name(self) -> None:
        assert own_form(name="ingest.example") == boto3_form(name="ingest.example")

    @given(peer.keys.filter(lambda key: "${filename}" not in key), fields, peer.endpoints, peer.credential_sets)
    def test_whatever_the_key_and_the_fields(
        self, key: str, fields: dict[str, str], endpoint: str | None, credentials: Credentials
    ) -> None:
        ours = own_form(key, fields=fields, endpoint=endpoint, credentials=credentials)
        assert ours == boto3_form(key, fields=fields, endpoint=endpoint, credentials=credentials)

    @given(st.integers(0, 5 * 1024**3), st.integers(0, 5 * 1024**3), peer.lifetimes, peer.moments)
    def test_whatever_the_sizes_and_the_times(self, least: int, most: int, seconds: int, now: datetime) -> None:
        ours = own_form(size_range=(least, most), seconds=seconds, now=now)
        assert ours == boto3_form(size_range=(least, most), seconds=seconds, now=now)


class TestPolicy:
    def test_it_names_every_field_but_itself_and_the_signature_exactly(self) -> None:
        form = own_form(fields=FIELDS | SHA256, credentials=TEMPORARY)
        conditions = policy(form)["conditions"]
        assert isinstance(conditions, list)
        exact = {name: value for name, value in form.fields.items() if name not in {"policy", "x-amz-signature"}}
        assert [c for c in conditions if isinstance(c, list)] == [["content-length-range", 5, 5]]  # pyright: ignore[reportUnknownVariableType]
        assert {n: v for c in conditions if isinstance(c, dict) for n, v in c.items()} == exact | {"bucket": NAME}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]

    def test_it_carries_the_session_token(self) -> None:
        assert own_form(credentials=TEMPORARY).fields["x-amz-security-token"] == TEMPORARY.session_token
        assert "x-amz-security-token" not in own_form(credentials=PLAIN).fields

    def test_it_ends_with_its_lifetime_whatever_the_time_zone(self) -> None:
        abroad = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
        assert policy(own_form(seconds=2))["expiration"] == "2026-03-01T00:00:01Z"
        assert own_form(now=abroad) == own_form(now=NOW)

    def test_a_key_that_s3_would_fill_in_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"'uploads/\$\{filename\}'.*exact key"):
            own_form("uploads/${filename}")
