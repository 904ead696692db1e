"""Signs users up and in with Cognito. These operations need no AWS credentials."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Self

from client.answers import Fields, json_object
from client.errors import SignInRefused, UnexpectedAnswer
from client.transport import call, checked_url, open_pool

_NEW_PASSWORD = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge's name
_EARLY_SECONDS = 60.0  # the least validity of a token that is returned


@dataclass(frozen=True)
class _Tokens:
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_seconds: float


class UserPool:
    """A Cognito user pool, used through the stack's app client.

    `client_id` is the stack's output `userPoolClientId`. `endpoint` replaces Cognito's own in local mode.
    """

    def __init__(self, client_id: str, region: str, endpoint: str | None = None) -> None:
        self._client_id = client_id
        # The European Sovereign Cloud is the only partition with user pools and another domain.
        suffix = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
        own = f"https://cognito-idp.{region}.{suffix}"
        self.endpoint = checked_url(endpoint or own, "endpoint") + "/"
        self._pool = open_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def sign_up(self, email: str, password: str) -> bool:
        """Create a user. Returns False if they must confirm with a code from Cognito's mail before they can sign in."""
        answer = self._ask(
            "SignUp",
            {
                "Username": email,
                "Password": password,
                "UserAttributes": [{"Name": "email", "Value": email}],
            },
        )
        return answer.flag("UserConfirmed")

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm the user with the code from Cognito's mail."""
        self._ask("ConfirmSignUp", {"Username": email, "ConfirmationCode": code})

    def sign_in(self, email: str, password: str, new_password: Callable[[], str] | None = None) -> "Session":
        """Return a session. Raises SignInRefused if the password is wrong or Cognito requires more than a password.

        `new_password` returns a new one if Cognito requires it, because an operator set the current one.
        """
        answer = self._ask(
            "InitiateAuth",
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "AuthParameters": {"USERNAME": email, "PASSWORD": password},
            },
        )
        if "ChallengeName" in answer and answer.text("ChallengeName") == _NEW_PASSWORD and new_password is not None:
            answer = self._ask(
                "RespondToAuthChallenge",
                {
                    "ChallengeName": _NEW_PASSWORD,
                    "Session": answer.text("Session"),
                    "ChallengeResponses": {"USERNAME": email, "NEW_PASSWORD": new_password()},
                },
            )
        if "ChallengeName" in answer:
            raise SignInRefused(
                answer.text("ChallengeName"),
                "Cognito requires this as well as the password: sign in with a browser",
            )
        return Session(_tokens(answer.inner("AuthenticationResult")), self._renewed)

    def sign_in_again(self, refresh_token: str) -> "Session":
        """Return a session from an earlier refresh token. Raises SignInRefused if Cognito no longer accepts it."""
        return Session(self._renewed(_Tokens("", refresh_token, 0)), self._renewed)

    def _renewed(self, tokens: _Tokens) -> _Tokens:
        """Renew the tokens. Unlike InitiateAuth's refresh flow, this also works if the app client rotates them."""
        answer = self._ask("GetTokensFromRefreshToken", {"RefreshToken": tokens.refresh_token})
        return _tokens(answer.inner("AuthenticationResult"), tokens.refresh_token)

    def _ask(self, operation: str, parameters: Mapping[str, object]) -> Fields:
        body = json.dumps({"ClientId": self._client_id, **parameters}).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        answer = call(self._pool, "POST", self.endpoint, headers=headers, body=body)
        fields = json_object(answer, f"Cognito's answer to {operation}")
        if answer.status == HTTPStatus.OK:
            return fields
        raise SignInRefused(fields.text("__type").rpartition("#")[2], fields.text("message"))


class Session:
    """A signed-in user. Renews the ID token before it expires. Thread-safe."""

    def __init__(self, tokens: _Tokens, renew: Callable[[_Tokens], _Tokens]) -> None:
        self._renew = renew
        self._lock = threading.Lock()
        self._kept_by: Callable[[str], None] | None = None
        self._tokens: _Tokens = tokens
        self._renew_at: float = _renewal_time(tokens)

    def id_token(self) -> str:
        """Return a token for UploadsApi. Raises SignInRefused if Cognito no longer renews it."""
        with self._lock:
            if monotonic() >= self._renew_at:
                self._keep(self._renew(self._tokens))
            return self._tokens.id_token

    def on_refresh_token(self, keep: Callable[[str], None]) -> None:
        """Call `keep` with the refresh token now, and with each new one. It must be protected like a password."""
        with self._lock:
            self._kept_by = keep
            keep(self._tokens.refresh_token)

    def _keep(self, tokens: _Tokens) -> None:
        if self._kept_by is not None and tokens.refresh_token != self._tokens.refresh_token:
            self._kept_by(tokens.refresh_token)
        self._tokens = tokens
        self._renew_at = _renewal_time(tokens)


def _renewal_time(tokens: _Tokens) -> float:
    return monotonic() + tokens.lifetime_seconds - _EARLY_SECONDS


def _tokens(result: Fields, refresh_token: str = "") -> _Tokens:
    """Read Cognito's answer. A renewal has a new refresh token only if the app client rotates them."""
    id_token = result.text("IdToken")
    return _Tokens(
        id_token=id_token,
        refresh_token=result.text("RefreshToken") if "RefreshToken" in result else refresh_token,
        lifetime_seconds=_lifetime_seconds(id_token),
    )


def _lifetime_seconds(id_token: str) -> float:
    """Read the lifetime from the ID token, because ExpiresIn in the answer is that of the access token.

    The difference of two times in the token does not depend on this machine's clock.
    """
    try:
        payload = id_token.split(".")[1]
        claims: object = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise UnexpectedAnswer("the ID token from Cognito is not a JWT") from error
    fields = Fields(claims, "the ID token from Cognito")
    return fields.number("exp") - fields.number("iat")
