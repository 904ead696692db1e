"""Sessions are signed with the current key, verified with it and its predecessor, and a rotation breaks none."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.client import AwsError
from handlers.aws.json_client import AwsJson
from handlers.storage.session_keys import NoSigningKey, SigningKey, SigningKeys
from tests.support.each_case import each_case

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:session-key"
FIRST, SECOND, THIRD = (SigningKey(f"key-{number}", bytes([number]) * 32) for number in (1, 2, 3))


class FakeSecrets(AwsJson):
    """Secrets Manager with one secret, that counts what it is asked."""

    def __init__(self, *versions: SigningKey) -> None:
        self.versions = list(versions)
        self.asked: list[str] = []
        self.refusal: AwsError | None = None

    def rotate(self, key: SigningKey) -> None:
        self.versions.append(key)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, parameters["SecretId"]) == ("GetSecretValue", SECRET)
        stage = parameters["VersionStage"]
        self.asked.append(stage)
        if self.refusal:
            raise self.refusal
        back = {"AWSCURRENT": -1, "AWSPREVIOUS": -2}[stage]
        if len(self.versions) < -back:
            raise AwsError("ResourceNotFoundException", "no such version", 400, {})
        return {"SecretString": self.versions[back].to_secret()}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keys_of(secrets: FakeSecrets, clock: Clock) -> SigningKeys:
    return SigningKeys(secrets, SECRET, clock=clock)


class TestTheSecretsForm:
    @given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1), st.binary(min_size=32, max_size=32))
    def test_holds_a_key(self, key_id: str, key: bytes) -> None:
        assert SigningKey.from_secret(SigningKey(key_id, key).to_secret()) == (key_id, key)

    def test_is_the_one_that_is_written_down(self) -> None:
        assert json.loads(FIRST.to_secret()) == {"kid": "key-1", "key": base64.b64encode(b"\x01" * 32).decode()}

    @each_case(
        "text",
        [
            "",
            "secret-text",
            "[]",
            "3",
            "null",
            '{"kid": "k"}',
            '{"key": "c2VjcmV0LXRleHQ="}',
            '{"kid": "k", "key": "not base64!"}',
            '{"kid": "k", "key": 3}',
            '{"kid": "k", "key": "c2VjcmV0LXRleHQ="}',
            '{"kid": 3, "key": "' + base64.b64encode(b"k" * 32).decode() + '"}',
            '{"kid": "", "key": "' + base64.b64encode(b"k" * 32).decode() + '"}',
            '{"kid": "k", "key": "' + base64.b64encode(b"k" * 33).decode() + '"}',
        ],
    )
    def test_is_demanded_without_telling_the_secret(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^The secret.*; rotate it\.$") as caught:
            SigningKey.from_secret(text)

        assert caught.value.__cause__ is None
        assert "secret-text" not in str(caught.value)


class TestTheCurrentKey:
    def test_is_read_at_each_signing(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST)
        keys = keys_of(secrets, clock)
        for rotated in (SECOND, THIRD):
            keys.fetch_current()
            secrets.rotate(rotated)
            assert keys.fetch_current() == rotated
        assert secrets.asked == ["AWSCURRENT"] * 4

    def test_is_one_that_a_verifier_without_a_cache_accepts_after_any_rotations(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST)
        signer = keys_of(secrets, clock)
        assert dict(signer) == {"key-1": FIRST.key}, "which is cached"
        secrets.rotate(SECOND)
        secrets.rotate(THIRD)

        assert signer.fetch_current().key_id in keys_of(secrets, clock)

    def test_that_is_not_there_yet_is_told_with_the_place_to_look_and_asked_for_again(self, clock: Clock) -> None:
        secrets = FakeSecrets()
        keys = keys_of(secrets, clock)
        with pytest.raises(NoSigningKey, match=rf"^{SECRET} has no AWSCURRENT value: its first rotation .* log\.$"):
            keys.fetch_current()

        secrets.rotate(FIRST)
        assert keys.fetch_current() == FIRST

    @each_case("code", ["AccessDeniedException", "DecryptionFailure", "InternalServiceError"])
    def test_that_cannot_be_read_is_the_services_fault_to_tell(self, clock: Clock, code: str) -> None:
        secrets = FakeSecrets(FIRST)
        secrets.refusal = AwsError(code, "no", 400, {})
        with pytest.raises(AwsError, match=code):
            keys_of(secrets, clock).fetch_current()


class TestTheGoodKeys:
    def test_are_the_current_one_and_the_one_before(self, clock: Clock) -> None:
        assert dict(keys_of(FakeSecrets(FIRST, SECOND, THIRD), clock)) == {"key-3": THIRD.key, "key-2": SECOND.key}
        assert dict(keys_of(FakeSecrets(FIRST), clock)) == {"key-1": FIRST.key}
        assert dict(keys_of(FakeSecrets(), clock)) == {}

    def test_are_asked_for_only_as_far_as_they_are_needed(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST, SECOND)
        keys = keys_of(secrets, clock)

        assert keys["key-2"] == SECOND.key
        assert secrets.asked == ["AWSCURRENT"]
        assert keys["key-1"] == FIRST.key
        assert secrets.asked == ["AWSCURRENT", "AWSPREVIOUS"]

    def test_that_there_is_no_previous_one_is_cached_too(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST)
        keys = keys_of(secrets, clock)
        assert len(keys) == 1
        assert len(keys) == 1

        assert secrets.asked == ["AWSCURRENT", "AWSPREVIOUS"]

    def test_include_one_that_was_made_a_moment_ago(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST)
        keys = keys_of(secrets, clock)
        assert keys["key-1"] == FIRST.key
        secrets.rotate(SECOND)

        assert keys["key-2"] == SECOND.key
        assert keys["key-1"] == FIRST.key

    def test_outlive_one_rotation_and_not_two(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST, SECOND)
        keys = keys_of(secrets, clock)
        assert set(keys) == {"key-1", "key-2"}
        secrets.rotate(THIRD)
        clock.seconds += 60

        assert keys.get("key-2") == SECOND.key
        assert keys.get("key-1") is None

    @each_case("read_before_seconds", [0, 1, 30, 59])
    def test_include_none_that_was_replaced_twice_a_minute_ago(self, clock: Clock, read_before_seconds: int) -> None:
        """Whenever both were read last: each is read again by then."""
        secrets = FakeSecrets(FIRST)
        keys = keys_of(secrets, clock)
        assert set(keys) == {"key-1"}
        clock.seconds += read_before_seconds
        secrets.rotate(SECOND)
        assert keys["key-1"] == FIRST.key
        secrets.rotate(THIRD)
        clock.seconds += 60

        assert keys.get("key-1") is None

    def test_are_not_asked_for_at_every_made_up_id(self, clock: Clock) -> None:
        secrets = FakeSecrets(FIRST, SECOND)
        keys = keys_of(secrets, clock)
        for number in range(1_000):
            clock.seconds = 1_000 + number / 50  # 20 seconds
            assert keys.get(f"made-up-{number}") is None

        # at first, by the early refresh at once, and by the one that is allowed 10 s after it
        assert secrets.asked == ["AWSCURRENT", "AWSPREVIOUS"] * 3

    def test_are_told_as_unknown_where_they_are(self, clock: Clock) -> None:
        with pytest.raises(KeyError, match="stranger"):
            keys_of(FakeSecrets(FIRST), clock)["stranger"]
