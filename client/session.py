"""Signing up and in with Cognito, over plain HTTPS: none of these operations needs AWS credentials."""

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
from handlers.aws.endpoints import partition_of

_NEW_PASSWORD = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge's name
_EARLY_SECONDS = 60.0  # a token that is asked for is good for at least so long


@dataclass(frozen=True)
class _Tokens:
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_seconds: float


class UserPool:
    """A Cognito user pool as its users see it, through the app client that the stack made.

    `client_id` is the stack's output `userPoolClientId`; `endpoint` stands in for Cognito's own in local mode.
    """

    def __init__(self, client_id: str, region: str, endpoint: str | None = None) -> None:
        self._client_id = client_id
        own = f"https://cognito-idp.{region}.{partition_of(region).dns_suffix}"
        self.endpoint = checked_url(endpoint or own, "endpoint") + "/"
        self._pool = open_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def sign_up(self, email: str, password: str) -> bool:
        """Make a user; True if they may sign in at once, False if a code that Cognito mails must confirm them."""
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
        """Return a session; SignInRefused if the password is wrong or Cognito asks for more than a password.

        `new_password` is asked where Cognito wants one in the place of the password that an operator gave.
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
                answer.text("ChallengeName"), "Cognito asks for this besides the password: sign in by a browser"
            )
        return Session(_tokens(answer.inner("AuthenticationResult")), self._renewed)

    def sign_in_again(self, refresh_token: str) -> "Session":
        """Return a session from the refresh token of an earlier one; SignInRefused once Cognito takes it no more."""
        return Session(self._renewed(_Tokens("", refresh_token, 0)), self._renewed)

    def _renewed(self, tokens: _Tokens) -> _Tokens:
        """Unlike InitiateAuth's refresh flow, this works whether or not the app client rotates its tokens."""
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
    """A signed-in user, whose ID token is renewed before it expires; threads may share it."""

    def __init__(self, tokens: _Tokens, renew: Callable[[_Tokens], _Tokens]) -> None:
        self._renew = renew
        self._lock = threading.Lock()
        self._kept_by: Callable[[str], None] | None = None
        self._tokens: _Tokens = tokens
        self._renew_at: float = _renewal_time(tokens)

    def id_token(self) -> str:
        """Return a token for UploadsApi; SignInRefused once Cognito renews it no more."""
        with self._lock:
            if monotonic() >= self._renew_at:
                self._keep(self._renew(self._tokens))
            return self._tokens.id_token

    def on_refresh_token(self, keep: Callable[[str], None]) -> None:
        """Hand over the refresh token, now and whenever Cognito gives another; it is as good as the password."""
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
    """Read Cognito's answer; a renewal brings another refresh token only where the app client rotates them."""
    id_token = result.text("IdToken")
    return _Tokens(
        id_token=id_token,
        refresh_token=result.text("RefreshToken") if "RefreshToken" in result else refresh_token,
        lifetime_seconds=_lifetime_seconds(id_token),
    )


def _lifetime_seconds(id_token: str) -> float:
    """Read it from the token: ExpiresIn beside it speaks of the access token.

    The difference of its two times holds whatever the clock of this machine says.
    """
    try:
        payload = id_token.split(".")[1]
        claims: object = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise UnexpectedAnswer("the ID token from Cognito is not a JWT") from error
    fields = Fields(claims, "the ID token from Cognito")
    return fields.number("exp") - fields.number("iat")
