"""The keys that sign upload sessions: two versions of one secret. rotate_session_key makes them."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Self

from handlers.aws.client import AwsError
from handlers.aws.json_client import AwsJson

KEY_BYTES = 32
"""As long as the hash of HMAC-SHA256. A longer key adds no strength (RFC 2104)."""

CACHE_SECONDS = 60
"""How long a key that was replaced twice is still accepted, at most."""
EARLY_REFRESH_SECONDS = 10
"""The shortest time between two reads for an unknown key id, because any client can send a made-up one."""

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class NoSigningKey(Exception):
    """The secret has no value yet."""


class SigningKey(NamedTuple):
    """One key, as a version of the secret holds it: `{"kid": its id, "key": base64 of 32 bytes}`."""

    key_id: str
    key: bytes

    @classmethod
    def from_secret(cls, text: str) -> Self:
        """Read a secret's value; raises ValueError, which does not repeat it."""
        try:
            value = json.loads(text)
            key_id, key = value["kid"], base64.b64decode(value["key"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise ValueError('The secret is not of the form {"kid": "...", "key": "base64"}; rotate it.') from None
        if not isinstance(key_id, str) or not key_id:
            raise ValueError("The secret's kid is not a string; rotate it.")
        if len(key) != KEY_BYTES:
            raise ValueError(f"The secret's key has {len(key)} bytes, but must have {KEY_BYTES}; rotate it.")
        return cls(key_id, key)

    def to_secret(self) -> str:
        """Write the secret's value."""
        return json.dumps({"kid": self.key_id, "key": base64.b64encode(self.key).decode()})


class SigningKeys(Mapping[str, bytes]):
    """The keys that verify sessions, by their ids: the current one, and the one before.

    Each is read when it is needed and cached for CACHE_SECONDS. For an unknown id, both are read again, so that a
    rotation takes effect at once. A session stays valid after one rotation, but not after two. Keys to sign with are
    never cached: a key that was replaced twice since would sign a session that other verifiers reject.
    """

    def __init__(self, client: AwsJson, secret_id: str, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._known: dict[str, tuple[float, SigningKey | None]] = {}
        self._refreshed_at: float | None = None

    def fetch_current(self) -> SigningKey:
        """Read the key to sign with, at each call; raises NoSigningKey before the secret's first rotation has ended."""
        key = self._fetch(CURRENT)
        if key is None:
            raise NoSigningKey(
                f"{self._secret_id} has no {CURRENT} value: its first rotation has not ended; see that function's log."
            )
        return key

    def __getitem__(self, key_id: str) -> bytes:
        key = self._find(key_id)
        if key is None and self._may_refresh():
            self._known.clear()
            key = self._find(key_id)
        if key is None:
            raise KeyError(key_id)
        return key

    def __iter__(self) -> Iterator[str]:
        return (key.key_id for key in map(self._read, (CURRENT, PREVIOUS)) if key is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _find(self, key_id: str) -> bytes | None:
        for stage in (CURRENT, PREVIOUS):  # the second is only read if the first has another id
            key = self._read(stage)
            if key is not None and key.key_id == key_id:
                return key.key
        return None

    def _may_refresh(self) -> bool:
        now = self._clock()
        if self._refreshed_at is not None and now - self._refreshed_at < EARLY_REFRESH_SECONDS:
            return False
        self._refreshed_at = now
        return True

    def _read(self, stage: str) -> SigningKey | None:
        now = self._clock()
        read_at, key = self._known.get(stage, (None, None))
        if read_at is None or now - read_at >= CACHE_SECONDS:
            key = self._fetch(stage)
            self._known[stage] = (now, key)
        return key

    def _fetch(self, stage: str) -> SigningKey | None:
        try:
            answer = self._client.call("GetSecretValue", {"SecretId": self._secret_id, "VersionStage": stage})
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        return SigningKey.from_secret(answer["SecretString"])
