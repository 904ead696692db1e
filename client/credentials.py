"""Stores the refresh token of each user pool, in one file that only its owner can read."""

import json
import os
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager

from client.answers import Fields
from client.config import Config, config_folder
from client.errors import NotSignedIn, SignInRefused, WrongConfig
from client.program import PROGRAM
from client.session import Session, UserPool

_OWNER_ONLY = 0o600


class Credentials:
    """The sign-in that `portage login` stores for the other commands."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._path = config.credentials_file or config_folder() / "credentials.json"

    def keep(self, session: Session) -> None:
        """Store the refresh token of a session, and each new one after a rotation."""
        session.on_refresh_token(lambda token: self._write(self._config.user_pool_client_id, token))

    def token(self, pool: UserPool) -> Callable[[], str]:
        """Return a function that returns ID tokens. Raises NotSignedIn if no sign-in is stored."""
        known, config = self._read(), self._config
        if config.user_pool_client_id not in known:
            raise NotSignedIn(f"no sign-in for {config.api_url} is stored on this machine: run `{PROGRAM} login`")
        with _with_advice():
            session = pool.sign_in_again(known[config.user_pool_client_id])
        self.keep(session)

        def token() -> str:
            with _with_advice():
                return session.id_token()

        return token

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        try:
            fields = Fields(json.loads(self._path.read_bytes()), str(self._path))
        except ValueError as error:
            raise WrongConfig(f"{self._path} is damaged, not JSON: delete it, and run `{PROGRAM} login`") from error
        return {client_id: fields.text(client_id) for client_id in fields}

    def _write(self, client_id: str, refresh_token: str) -> None:
        known = self._read()
        if known.get(client_id) == refresh_token:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_suffix(f".{uuid.uuid4().hex}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as file:
            json.dump(known | {client_id: refresh_token}, file)
        fresh.replace(self._path)


@contextmanager
def _with_advice() -> Generator[None]:
    try:
        yield
    except SignInRefused as refused:
        refused.add_note(f"The stored sign-in is no longer valid: run `{PROGRAM} login`.")
        raise
