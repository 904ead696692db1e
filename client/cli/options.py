"""The options of the `portage` command as typed values."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from ..errors import PROGRAM

WAIT_SECONDS = 600.0


class Options(argparse.Namespace):
    """The options of all commands. Each command has some of them; the others keep their defaults."""

    command: str = ""
    json: bool = False
    config: Path | None = None
    email: str | None = None
    password_stdin: bool = False
    files: Sequence[str] = ()
    file: str | None = None
    name: str | None = None
    type: str | None = None
    checksum: str | None = None
    method: str | None = None
    wait: bool = False
    timeout: float = WAIT_SECONDS
    id: str = ""
    ids: Sequence[str] = ()
    limit: int = 100
    output: str | None = None
    dry_run: bool = False
    shell: str = ""


def whole_number(text: str) -> int:
    """Read a number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be 1 or more")
    return number


def seconds(text: str) -> float:
    """Read a number of seconds greater than 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not number > 0:  # also rejects nan
        raise argparse.ArgumentTypeError(f"{text} must be greater than 0")
    return number


def given(text: str) -> str:
    """Read a text that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def upload_id(text: str) -> str:
    """Read a UUID, in the form that the API uses."""
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an upload ID. Give a UUID that `{PROGRAM} list` shows."
        ) from None
