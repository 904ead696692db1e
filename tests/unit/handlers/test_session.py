import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.domain.plan import Parts
from handlers.domain.session import MAX_TOKEN_LENGTH, InvalidSession, Session
from handlers.domain.upload_ref import UploadRef
from tests.support.each_case import each_case

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRY = NOW + timedelta(hours=24)
REF = UploadRef("6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11", "01985c2e-5a00-7000-8000-000000000001")
KEYS = {"current": b"k" * 32, "previous": b"p" * 32}
SESSION = Session(
    owner=REF.owner,
    upload_id=REF.upload_id,
    multipart_id="2~" + "K.x9_-" * 20,
    size_bytes=5 * 1024**3,
    part_size_bytes=16 * 1024**2,
    checksum_algorithm="sha256",
    expires_at=int(EXPIRY.timestamp()),
)
TOKEN = SESSION.token("current", KEYS["current"])

text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
numbers = st.integers(0, 2**53)
sessions = st.builds(
    Session,
    owner=text,
    upload_id=text,
    multipart_id=text,
    size_bytes=numbers,
    part_size_bytes=numbers,
    checksum_algorithm=st.none() | text,
    part_growth_bytes=st.none() | numbers,
    expires_at=st.integers(int(NOW.timestamp()) + 1, 2**53),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def opened(token: str, *, ref: UploadRef = REF, now: datetime = NOW, keys: dict[str, bytes] | None = None) -> Session:
    return Session.open(token, KEYS if keys is None else keys, ref=ref, now=now)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: object, *, key: bytes = KEYS["current"]) -> str:
    """A token of any content, signed as ours are."""
    return signed_text(json.dumps(claims).encode(), key=key)


def signed_text(payload: bytes, *, key: bytes = KEYS["current"]) -> str:
    body = encoded(payload)
    return f"{body}.{encoded(hmac.digest(key, body.encode(), 'sha256'))}"


def claims() -> dict[str, Any]:
    return {"version": 1, "key_id": "current", **SESSION._asdict()}


class TestGoodToken:
    @given(sessions, text, st.binary())
    def test_whatever_was_signed_comes_back(self, session: Session, key_id: str, key: bytes) -> None:
        token = session.token(key_id, key)
        assert len(token) <= MAX_TOKEN_LENGTH
        assert Session.open(token, {key_id: key}, ref=session.ref, now=NOW) == session

    def test_it_has_the_form_that_is_written_down(self) -> None:
        assert opened(signed(claims())) == SESSION
        body, signature = TOKEN.split(".")
        assert json.loads(base64.urlsafe_b64decode(body + "==")) == claims()
        assert base64.urlsafe_b64decode(signature + "==") == hmac.digest(KEYS["current"], body.encode(), "sha256")

    def test_it_needs_no_escaping_in_json_or_a_url(self) -> None:
        assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

    def test_one_of_the_key_before_a_rotation_is_good_until_that_key_goes(self) -> None:
        token = SESSION.token("previous", KEYS["previous"])
        assert opened(token) == SESSION
        with pytest.raises(InvalidSession, match="no longer in use"):
            opened(token, keys={"current": KEYS["current"]})

    def test_it_is_good_until_the_second_of_its_expiry(self) -> None:
        assert opened(TOKEN, now=EXPIRY - timedelta(microseconds=1)) == SESSION
        with pytest.raises(InvalidSession, match="expired; ask for a new one with GET"):
            opened(TOKEN, now=EXPIRY)

    def test_one_of_a_release_without_growing_parts_is_good(self) -> None:
        old = {name: value for name, value in claims().items() if name != "part_growth_bytes"}
        assert opened(signed(old)) == SESSION

    def test_its_division_is_the_planned_one(self) -> None:
        assert (SESSION.parts, SESSION.parts.count) == (Parts(5 * 1024**3, 16 * 1024**2), 320)


class TestChangedToken:
    def test_any_bit_of_it(self) -> None:
        for position, char in enumerate(TOKEN):
            for bit in range(8):
                changed = f"{TOKEN[:position]}{chr(ord(char) ^ (1 << bit))}{TOKEN[position + 1 :]}"
                with pytest.raises(InvalidSession):
                    opened(changed)

    def test_any_end_of_it_cut_off(self) -> None:
        for end in range(len(TOKEN)):
            for part in (TOKEN[:end], TOKEN[end + 1 :]):
                with pytest.raises(InvalidSession):
                    opened(part)

    @each_case("more", ["=", "==", "\n", " ", ".", "\0", "A"])
    def test_anything_put_before_or_after_it_that_a_decoder_may_pass_over(self, more: str) -> None:
        for changed in (more + TOKEN, TOKEN + more, TOKEN.replace(".", f"{more}."), TOKEN.replace(".", f".{more}")):
            with pytest.raises(InvalidSession):
                opened(changed)

    @given(st.integers(0, len(TOKEN)), st.text(min_size=1, max_size=5))
    def test_anything_put_in(self, position: int, more: str) -> None:
        with pytest.raises(InvalidSession):
            opened(TOKEN[:position] + more + TOKEN[position:])

    @each_case("field", Session._fields)
    def test_any_field_of_it_under_the_old_signature(self, field: str) -> None:
        body = encoded(json.dumps({**claims(), field: 1}).encode())
        with pytest.raises(InvalidSession, match="not issued here"):
            opened(f"{body}.{TOKEN.partition('.')[2]}")

    @each_case("key", [b"", b"x" * 32, KEYS["previous"]])
    def test_a_signature_by_another_key(self, key: bytes) -> None:
        with pytest.raises(InvalidSession, match="not issued here"):
            opened(signed(claims(), key=key))

    @each_case("key_id", ["gone", "", "previous", None, 1, True, [], {}, ["current"], "\ud800"])
    def test_a_key_id_of_no_key_or_of_another(self, key_id: object) -> None:
        with pytest.raises(InvalidSession, match="not issued here"):
            opened(signed({**claims(), "key_id": key_id}))


class TestAnotherUpload:
    @each_case(
        "ref",
        [
            UploadRef("another-owner", REF.upload_id),
            UploadRef(REF.owner, "another-upload"),
            UploadRef(REF.upload_id, REF.owner),
            UploadRef("", ""),
        ],
    )
    def test_is_refused(self, ref: UploadRef) -> None:
        with pytest.raises(InvalidSession, match="belongs to another upload"):
            opened(TOKEN, ref=ref)


class TestOddContent:
    """Signed by our key, and yet not a session of this version: such as one of a later release, rolled back."""

    @given(json_values.filter(lambda version: version != 1))
    def test_another_version(self, version: object) -> None:
        with pytest.raises(InvalidSession, match="another version"):
            opened(signed({**claims(), "version": version}))

    @each_case("field", sorted({*Session._fields, "version", "key_id"} - {"part_growth_bytes"}))
    def test_a_field_that_is_missing(self, field: str) -> None:
        with pytest.raises(InvalidSession):
            opened(signed({name: value for name, value in claims().items() if name != field}))

    @given(st.text().filter(lambda name: name not in claims()), json_values)
    def test_a_field_too_many(self, name: str, value: object) -> None:
        with pytest.raises(InvalidSession, match="another version"):
            opened(signed({**claims(), name: value}))

    @given(st.sampled_from(Session._fields), json_values)
    def test_a_field_of_another_type(self, name: str, value: object) -> None:
        assume(type(value) is not type(claims()[name]))
        assume(name != "checksum_algorithm" or value is not None)
        assume(name != "part_growth_bytes" or type(value) is not int)
        with pytest.raises(InvalidSession, match="another version"):
            opened(signed({**claims(), name: value}))

    @given(json_values)
    def test_any_other_json(self, content: object) -> None:
        with pytest.raises(InvalidSession):
            opened(signed(content))

    @given(st.binary())
    def test_no_json(self, payload: bytes) -> None:
        with pytest.raises(InvalidSession):
            opened(signed_text(payload))

    @each_case(
        "payload",
        [b"[" * 3000, b'{"a":' * 500, b"1" * 3000, b"\xff\xfe", b"\xef\xbb\xbf{}", b"NaN", b'"\\ud800"', b"{}" * 9],
    )
    def test_what_parsers_stumble_over(self, payload: bytes) -> None:
        with pytest.raises(InvalidSession):
            opened(signed_text(payload))


class TestForgedToken:
    @given(st.text())
    def test_any_text(self, token: str) -> None:
        with pytest.raises(InvalidSession):
            opened(token)

    @given(st.text(st.characters(max_codepoint=127)), st.text())
    def test_any_halves(self, body: str, signature: str) -> None:
        with pytest.raises(InvalidSession):
            opened(f"{body}.{signature}")

    @given(st.text())
    def test_any_signature_of_a_good_payload(self, signature: str) -> None:
        with pytest.raises(InvalidSession):
            opened(f"{TOKEN.partition('.')[0]}.{signature}")

    @each_case("signature", ["\ud800", "é", "名前", "\0", "?" * 43, "=" * 43])
    def test_a_signature_that_is_no_ascii_or_no_text(self, signature: str) -> None:
        with pytest.raises(InvalidSession, match="not issued here"):
            opened(f"{TOKEN.partition('.')[0]}.{signature}")

    def test_one_too_long_is_not_even_decoded(self) -> None:
        with pytest.raises(InvalidSession, match="has 4097 characters, but ours have 4096 at most"):
            opened(signed({**claims(), "more": "x" * 4096})[: MAX_TOKEN_LENGTH + 1])

    def test_without_any_key_nothing_is_good(self) -> None:
        with pytest.raises(InvalidSession, match="not issued here"):
            opened(TOKEN, keys={})
