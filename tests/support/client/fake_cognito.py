"""Cognito as the client sees it, with one user."""

import base64
import json
from typing import Any

from tests.support.client.fake_server import FakeServer, Handler, Reaction, send

EMAIL = "ada@example.com"


class FakeCognito(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.password = "right"
        self.must_change = False
        self.refresh_tokens = ["r1"]
        self.subject = EMAIL
        self.other_users: dict[str, str] = {}
        """Passwords by e-mail address, which is the subject too."""
        self._tokens_given = 0

    def next_reaction(self) -> Reaction:
        return self._serve

    def _serve(self, handler: Handler) -> None:
        request = handler.receive()
        operation = request.header("X-Amz-Target").partition(".")[2]
        status, content = self._answer(operation, request.json())
        send(handler, status, content, {"Content-Type": "application/x-amz-json-1.1"})

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        match operation, asked:
            case "InitiateAuth", {"AuthParameters": {"USERNAME": email, "PASSWORD": password}}:
                if password != {EMAIL: self.password, **self.other_users}.get(email):
                    return _refusal("NotAuthorizedException", "Incorrect username or password.")
                if self.must_change:
                    return 200, {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "challenge-1"}
                return self._tokens(email if email in self.other_users else None)
            case "RespondToAuthChallenge", {"Session": "challenge-1", "ChallengeResponses": answers}:
                assert answers["USERNAME"] == EMAIL
                self.password = answers["NEW_PASSWORD"]
                self.must_change = False
                return self._tokens()
            case "GetTokensFromRefreshToken", {"RefreshToken": token} if token == self.refresh_tokens[-1]:
                return self._tokens()
            case _:
                return _refusal("NotAuthorizedException", "Refresh Token has been revoked")

    def _tokens(self, subject: str | None = None) -> tuple[int, Any]:
        self._tokens_given += 1
        token = id_token(subject or self.subject, self._tokens_given)
        return 200, {"AuthenticationResult": {"IdToken": token, "RefreshToken": self.refresh_tokens[-1]}}


def id_token(subject: str, number: int = 0) -> str:
    """Return a token that is valid for an hour."""
    content = json.dumps({"iat": number, "exp": number + 3600, "sub": subject})
    return f"h.{base64.urlsafe_b64encode(content.encode()).decode().rstrip('=')}.signature"


def _refusal(kind: str, message: str) -> tuple[int, Any]:
    return 400, {"__type": kind, "message": message}
