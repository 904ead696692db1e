"""Recognizes secrets in plain configuration."""

import re

_NAME = re.compile(r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)($|_)", re.IGNORECASE)
_VALUE = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{36}\b")
_REFERENCE = re.compile(r"^(arn:|https?://|/|\d+$|true$|false$)", re.IGNORECASE)
"""A place where a secret is, or a number or switch about it (SECRET_TTL)."""


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable's value is or seems to be a secret."""
    if _VALUE.search(value):
        return True
    return bool(value) and _NAME.search(name) is not None and _REFERENCE.search(value) is None
