"""Stores the refresh token of each user pool, in one file that only its owner can read."""

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..errors import PROGRAM, NotSignedIn, SignInRefused, UnexpectedAnswer, WrongConfig
from ..transport import read
from .cognito import Session, UserPool

_OWNER_ONLY = 0o600


class Credentials:
    """The sign-in that `portage login` stores for the other commands."""

    def __init__(self, path: Path, client_id: str, api_url: str) -> None:
        self._path = path
        self._client_id = client_id
        self._api_url = api_url

    def keep(self, session: Session) -> None:
        """Store the refresh token of a session, and each new one after a rotation."""
        session.on_refresh_token(self._write)

    def sign_in(self, pool: UserPool) -> "StoredSignIn":
        """Return a session. Raises NotSignedIn if no sign-in is stored."""
        known = self._read()
        if self._client_id not in known:
            raise NotSignedIn(f"no sign-in for {self._api_url} is stored on this machine: run `{PROGRAM} login`")
        with _advice():
            session = pool.sign_in_again(known[self._client_id])
        self.keep(session)
        return StoredSignIn(session)

    def _read(self) -> dict[str, str]:
        try:
            return read(self._path.read_bytes(), dict[str, str], str(self._path))
        except FileNotFoundError:
            return {}
        except UnexpectedAnswer as error:
            raise WrongConfig(f"{self._path} is damaged: delete it, and run `{PROGRAM} login`") from error

    def _write(self, refresh_token: str) -> None:
        known = self._read()
        if known.get(self._client_id) == refresh_token:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_suffix(f".{uuid.uuid4().hex}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
            file.write(msgspec.json.encode(known | {self._client_id: refresh_token}))
        fresh.replace(self._path)


class StoredSignIn:
    """A session that advises the user to sign in again when Cognito no longer renews it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def id_token(self) -> str:
        """Return a valid token."""
        with _advice():
            return self._session.id_token()

    def renew(self, refused: str) -> None:
        """Renew this token, because the API has refused it."""
        with _advice():
            self._session.renew(refused)


@contextmanager
def _advice() -> Generator[None]:
    try:
        yield
    except SignInRefused as refused:
        refused.add_note(f"The stored sign-in is no longer valid: run `{PROGRAM} login`.")
        raise
