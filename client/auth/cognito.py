"""Signs users up and in with Cognito. These operations need no AWS credentials."""

import base64
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import monotonic, time
from typing import Self, TypeVar

import msgspec

from ..errors import ServiceUnavailable, SignInRefused, UnexpectedAnswer
from ..retry import OnError, RetryPolicy, ignore, with_retries
from ..transport import Http, check_json, checked_url, foreign, phrase, read, retry_after

_T = TypeVar("_T")

_NEW_PASSWORD = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge's name
_EARLY_SECONDS = 60.0  # the least validity of a token that is returned

# Other codes are definite. Source: Cognito user pools API reference, "Common error types" and each operation's errors.
_PASSING_CODES = frozenset(
    {
        "InternalErrorException",
        "InternalFailure",
        "RequestExpired",
        "ServiceUnavailable",
        "ThrottlingException",
        "TooManyRequestsException",
        "UnexpectedLambdaException",  # a trigger of the pool timed out, or was throttled
    }
)


class Tokens(msgspec.Struct, frozen=True, rename="pascal"):
    """What Cognito gives to a signed-in user."""

    id_token: str
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "Tokens()"


class _SignedIn(msgspec.Struct, frozen=True, rename="pascal"):
    authentication_result: Tokens | None = None
    challenge_name: str = ""
    session: str = ""


class _SignedUp(msgspec.Struct, frozen=True, rename="pascal"):
    user_confirmed: bool


class _Nothing(msgspec.Struct, frozen=True):
    """The answer has no members that are used."""


class _Refusal(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="__type")
    message: str = ""


class _Claims(msgspec.Struct, frozen=True):
    iat: float
    exp: float


class _Subject(msgspec.Struct, frozen=True):
    sub: str


class UserPool:
    """A Cognito user pool, used through the stack's app client.

    `client_id` is the stack's output `userPoolClientId`. `endpoint` replaces Cognito's own in local mode.
    """

    def __init__(
        self,
        client_id: str,
        region: str,
        endpoint: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        on_error: OnError = ignore,
    ) -> None:
        self._client_id = client_id
        # The European Sovereign Cloud is the only partition with user pools and another domain.
        suffix = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
        own = f"https://cognito-idp.{region}.{suffix}"
        self.endpoint = checked_url(endpoint or own, "endpoint") + "/"
        self._retry = retry or RetryPolicy()
        self._on_error = on_error
        self._http = Http()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def sign_up(self, email: str, password: str) -> bool:
        """Create a user. Returns False if they must confirm with a code from Cognito's mail before they can sign in."""
        answer = self._ask(
            "SignUp",
            {
                "Username": email,
                "Password": password,
                "UserAttributes": [{"Name": "email", "Value": email}],
            },
            _SignedUp,
        )
        return answer.user_confirmed

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm the user with the code from Cognito's mail."""
        self._ask("ConfirmSignUp", {"Username": email, "ConfirmationCode": code}, _Nothing)

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
            _SignedIn,
        )
        if answer.challenge_name == _NEW_PASSWORD and new_password is not None:
            answer = self._ask(
                "RespondToAuthChallenge",
                {
                    "ChallengeName": _NEW_PASSWORD,
                    "Session": answer.session,
                    "ChallengeResponses": {"USERNAME": email, "NEW_PASSWORD": new_password()},
                },
                _SignedIn,
            )
        if answer.challenge_name:
            raise SignInRefused(
                answer.challenge_name,
                "Cognito requires this as well as the password: sign in with a browser",
            )
        return Session(_tokens(answer), self._renewed)

    def sign_in_again(self, refresh_token: str) -> "Session":
        """Return a session from an earlier refresh token. Raises SignInRefused if Cognito no longer accepts it."""
        return Session(self._renewed(Tokens("", refresh_token)), self._renewed)

    def _renewed(self, tokens: Tokens) -> Tokens:
        """Renew the tokens. Unlike InitiateAuth's refresh flow, this also works if the app client rotates them."""
        answer = self._ask("GetTokensFromRefreshToken", {"RefreshToken": tokens.refresh_token}, _SignedIn)
        renewed = _tokens(answer)  # it has a new refresh token only if the app client rotates them
        return Tokens(renewed.id_token, renewed.refresh_token or tokens.refresh_token)

    def _ask(self, operation: str, parameters: Mapping[str, object], kind: type[_T]) -> _T:
        body = msgspec.json.encode({"ClientId": self._client_id, **parameters})
        return with_retries(lambda: self._once(operation, body, kind), self._retry, on_error=self._on_error)

    def _once(self, operation: str, body: bytes, kind: type[_T]) -> _T:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        answer = self._http.request("POST", self.endpoint, headers=headers, body=body)
        source = f"Cognito's answer to {operation}"
        if answer.status == HTTPStatus.OK:
            check_json(answer, self.endpoint, "Cognito")
            return read(answer.data, kind, source)
        after = retry_after(answer.headers)
        try:
            refusal = read(answer.data, _Refusal, source)
        except UnexpectedAnswer:
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise foreign(answer, self.endpoint, "Cognito") from None
            refusal = _Refusal(phrase(answer.status))
        code = refusal.type.rpartition("#")[2]
        if answer.status == HTTPStatus.BAD_REQUEST and code not in _PASSING_CODES:
            raise SignInRefused(code, refusal.message)
        raise ServiceUnavailable(code, refusal.message, answer.status, after)


class Session:
    """A signed-in user. Renews the ID token before it expires. Thread-safe."""

    def __init__(self, tokens: Tokens, renew: Callable[[Tokens], Tokens]) -> None:
        self._renew = renew
        self._lock = threading.Lock()
        self._kept_by: Callable[[str], None] | None = None
        self._tokens: Tokens = tokens
        self._lifetime = _Lifetime(tokens.id_token)

    def id_token(self) -> str:
        """Return a token for UploadsApi. Raises SignInRefused if Cognito no longer renews it."""
        with self._lock:
            if self._lifetime.is_over():
                self._keep(self._renew(self._tokens))
            return self._tokens.id_token

    def renew(self, refused: str) -> None:
        """Renew this token, because the API has refused it, unless another thread has done so."""
        with self._lock:
            if self._tokens.id_token == refused:
                self._keep(self._renew(self._tokens))

    def on_refresh_token(self, keep: Callable[[str], None]) -> None:
        """Call `keep` with the refresh token now, and with each new one. It must be protected like a password."""
        with self._lock:
            self._kept_by = keep
            keep(self._tokens.refresh_token)

    def _keep(self, tokens: Tokens) -> None:
        if self._kept_by is not None and tokens.refresh_token != self._tokens.refresh_token:
            self._kept_by(tokens.refresh_token)
        self._tokens = tokens
        self._lifetime = _Lifetime(tokens.id_token)


class _Lifetime:
    """How long a token is used.

    The difference of two times in the token does not depend on this machine's clock. ExpiresIn in the answer is that of
    the access token. The monotonic clock stands still while the machine sleeps, so the wall clock counts as well.
    """

    def __init__(self, id_token: str) -> None:
        claims = _payload(id_token, _Claims)
        self._seconds = claims.exp - claims.iat - _EARLY_SECONDS
        self._monotonic, self._wall = monotonic(), time()

    def is_over(self) -> bool:
        """Whether the token expires soon, by the clock that is further on."""
        return max(monotonic() - self._monotonic, time() - self._wall) >= self._seconds


def subject(id_token: str) -> str:
    """Return the user that a token is of, or an empty string if it is no JWT. Its signature is not checked."""
    try:
        return _payload(id_token, _Subject).sub
    except UnexpectedAnswer:
        return ""


def _tokens(answer: _SignedIn) -> Tokens:
    if answer.authentication_result is None:
        raise UnexpectedAnswer("Cognito's answer has neither tokens nor a challenge")
    return answer.authentication_result


def _payload(id_token: str, kind: type[_T]) -> _T:
    try:
        payload = id_token.split(".")[1]
        content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except (IndexError, ValueError) as error:
        raise UnexpectedAnswer("the ID token from Cognito is not a JWT") from error
    return read(content, kind, "the ID token from Cognito")
