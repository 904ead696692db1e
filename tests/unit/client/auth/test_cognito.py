import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from client import SignInRefused, UnexpectedAnswer, UserPool
from tests.support.client.fake_server import FakeServer, Reaction, answer


def id_token(lifetime_seconds: int, name: str = "ada") -> str:
    """Make a token as Cognito's, issued long ago by this machine's clock; nobody here checks its signature."""
    claims = json.dumps({"sub": name, "iat": 1000, "exp": 1000 + lifetime_seconds}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


def tokens(lifetime_seconds: int, name: str = "ada", **more: str) -> Reaction:
    result = {"IdToken": id_token(lifetime_seconds, name), "AccessToken": "a", "ExpiresIn": 300, **more}
    return answer(200, {"AuthenticationResult": result, "ChallengeParameters": {}})


def refusal(code: str, message: str) -> Reaction:
    return answer(400, {"__type": code, "message": message}, "application/x-amz-json-1.1")


@pytest.fixture
def users(server: FakeServer) -> Iterator[UserPool]:
    with UserPool("client-1", "eu-west-1", endpoint=server.url) as pool:
        yield pool


def asked(server: FakeServer) -> list[tuple[str, Any]]:
    return [(request.header("X-Amz-Target").partition(".")[2], request.json()) for request in server.requests]


class TestSignUp:
    def test_asks_cognito_for_a_user_with_that_email(self, server: FakeServer, users: UserPool) -> None:
        server.will(answer(200, {"UserConfirmed": False, "UserSub": "0198"}))
        assert users.sign_up("ada@example.com", "pw") is False
        assert asked(server) == [
            (
                "SignUp",
                {
                    "ClientId": "client-1",
                    "Username": "ada@example.com",
                    "Password": "pw",
                    "UserAttributes": [{"Name": "email", "Value": "ada@example.com"}],
                },
            )
        ]
        assert server.requests[0].header("Content-Type") == "application/x-amz-json-1.1"

    def test_is_confirmed_by_the_mailed_code(self, server: FakeServer, users: UserPool) -> None:
        server.will(answer(200, {}))
        users.confirm_sign_up("ada@example.com", "123456")
        operation, parameters = asked(server)[0]
        assert operation == "ConfirmSignUp"
        assert parameters["ConfirmationCode"] == "123456"

    @pytest.mark.parametrize("prefix", ["", "com.amazonaws.cognito.identity.idp.model#"])
    def test_refusals_keep_cognitos_name_and_sentence(self, server: FakeServer, users: UserPool, prefix: str) -> None:
        server.will(refusal(f"{prefix}UsernameExistsException", "User already exists"))
        with pytest.raises(SignInRefused) as caught:
            users.sign_up("ada@example.com", "pw")
        assert (caught.value.code, caught.value.message) == ("UsernameExistsException", "User already exists")


class TestSignIn:
    def test_sends_the_password_and_keeps_the_id_token(self, server: FakeServer, users: UserPool) -> None:
        server.will(tokens(3600, RefreshToken="r1"))
        session = users.sign_in("ada@example.com", "pw")
        assert session.id_token() == session.id_token() == id_token(3600)
        operation, parameters = asked(server)[0]
        assert operation == "InitiateAuth"
        assert parameters["AuthFlow"] == "USER_PASSWORD_AUTH"
        assert parameters["AuthParameters"] == {"USERNAME": "ada@example.com", "PASSWORD": "pw"}
        assert len(server.requests) == 1

    def test_a_challenge_is_named(self, server: FakeServer, users: UserPool) -> None:
        server.will(answer(200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s"}))
        with pytest.raises(SignInRefused, match="SOFTWARE_TOKEN_MFA: Cognito requires this"):
            users.sign_in("ada@example.com", "pw")

    def test_a_token_of_another_kind_is_named(self, server: FakeServer, users: UserPool) -> None:
        server.will(answer(200, {"AuthenticationResult": {"IdToken": "opaque", "RefreshToken": "r1"}}))
        with pytest.raises(UnexpectedAnswer, match="not a JWT"):
            users.sign_in("ada@example.com", "pw")

    def test_neither_password_nor_token_is_shown_by_a_session(self, server: FakeServer, users: UserPool) -> None:
        server.will(tokens(3600, RefreshToken="r1"))
        session = users.sign_in("ada@example.com", "pw")
        assert "r1" not in repr(vars(session))
        assert id_token(3600) not in repr(vars(session))


class TestRenewal:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [5000.0]
        monkeypatch.setattr("client.auth.cognito.monotonic", lambda: now[0])
        return now

    def test_comes_a_minute_before_the_token_expires(
        self, server: FakeServer, users: UserPool, clock: list[float]
    ) -> None:
        server.will(tokens(3600, "old", RefreshToken="r1"), tokens(3600, "new"))
        session = users.sign_in("ada@example.com", "pw")
        clock[0] += 3600 - 61
        assert session.id_token() == id_token(3600, "old")
        clock[0] += 2
        assert session.id_token() == id_token(3600, "new")
        assert asked(server)[1] == (
            "GetTokensFromRefreshToken",
            {"ClientId": "client-1", "RefreshToken": "r1"},
        )

    def test_uses_the_newest_refresh_token_where_they_are_rotated(
        self, server: FakeServer, users: UserPool, clock: list[float]
    ) -> None:
        server.will(tokens(300, RefreshToken="r1"), tokens(300, RefreshToken="r2"), tokens(300), tokens(300))
        session = users.sign_in("ada@example.com", "pw")
        for _ in range(3):
            clock[0] += 300
            session.id_token()
        assert [parameters["RefreshToken"] for _, parameters in asked(server)[1:]] == ["r1", "r2", "r2"]

    def test_that_cognito_refuses_is_named(self, server: FakeServer, users: UserPool, clock: list[float]) -> None:
        server.will(tokens(300, RefreshToken="r1"), refusal("NotAuthorizedException", "Refresh Token revoked"))
        session = users.sign_in("ada@example.com", "pw")
        clock[0] += 300
        with pytest.raises(SignInRefused, match="NotAuthorizedException: Refresh Token revoked"):
            session.id_token()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "cognito-idp.eu-west-1.amazonaws.com"),
        ("eusc-de-east-1", "cognito-idp.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_cognitos_own_address_follows_from_the_region(region: str, host: str) -> None:
    with UserPool("client-1", region) as users:
        assert users.endpoint == f"https://{host}/"
