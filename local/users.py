"""Signing a user up as any stranger would, reading the mail that Cognito sends them."""

import json
import re
import secrets
from dataclasses import dataclass, field

import urllib3

from client import UserPool
from local.emulator.process import Emulator
from local.errors import LocalModeError

_EMAIL = "ada@example.com"
_CODE = re.compile(r"\b\d{6}\b")
_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    email: str
    password: str = field(repr=False)


def sign_up(emulator: Emulator, users: UserPool) -> User:
    """Sign a new user up, and confirm them with the code from the mail, which the embedded AWS keeps."""
    user = User(_EMAIL, _password())
    if not users.sign_up(user.email, user.password):
        users.confirm_sign_up(user.email, _mailed_code(emulator, user.email))
    return user


def _password() -> str:
    """Every kind of character that a Cognito password policy can ask for."""
    return f"Aa1-{secrets.token_urlsafe(12)}"


def _mailed_code(emulator: Emulator, email: str) -> str:
    url = f"{emulator.endpoint}/_ministack/ses/messages"
    answer = urllib3.request("GET", url, timeout=_TIMEOUT_SECONDS)
    messages = json.loads(answer.data)["messages"].get(emulator.account_id, [])
    for message in reversed(messages):
        if email in message["To"] and (code := _CODE.search(message["BodyText"] or message["BodyHtml"])):
            return code[0]
    raise LocalModeError(f"none of the {len(messages)} mails at {url} holds a code for {email}")
