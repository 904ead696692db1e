"""The arguments of the `portage` command."""

import argparse
import math
import os
import string
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, cast
from uuid import UUID

from .. import __version__
from ..api.models import METHODS
from ..errors import PROGRAM
from ..transfer.source import CHECKSUMS
from .exit_codes import MEANINGS, ExitCode

WAIT_SECONDS = 600.0
CASE_SECONDS = 120.0
AVERAGE_MB, POLLS_PER_UPLOAD = 200, 10

_CONFIGURATION = """\
configuration:
  A JSON file with the stack's outputs, which `pulumi stack output --json > portage.json` writes. The command uses
  apiUrl, userPoolClientId and region, and in local mode cognitoEndpoint and credentialsFile. The file is the first of:
  --config, the environment variable PORTAGE_CONFIG, ./portage.json, portage.json in the user's configuration folder.
"""


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
    operator: bool = False
    other_email: str | None = None
    origins: Sequence[str] | None = None
    sample: Path | None = None
    only: Sequence[str] = ()
    list_cases: bool = False
    junit: Path | None = None
    shell: str = ""
    policy: bool = False
    region: str | None = None
    prices: Path | None = None
    uploads_per_day: float | None = None
    average_size: float | None = None
    polls_per_upload: float | None = None


class _Parser(argparse.ArgumentParser):
    """Escapes control characters in messages, which repeat what was typed."""

    def error(self, message: str) -> NoReturn:
        with suppress(OSError):  # of standard error; argparse of Python 3.11.2 raises it
            super().error(
                "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in message)
            )
        sys.exit(ExitCode.USAGE)


def parser() -> argparse.ArgumentParser:
    """Return the argument parser. Options of all commands may come before or after the command."""
    shared = _Parser(add_help=False)
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object per line, and no progress"
    )
    shared.add_argument(
        "--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="the stack's outputs (see below)"
    )
    top = _Parser(
        prog=PROGRAM,
        description="Upload large files to Portage, follow their processing, and download results.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    top.add_argument("--version", action="version", version=f"portage {__version__}")
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_epilog(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
        )
        added.set_defaults(command=name)
        return added

    login = add("login", "sign in, and store the sign-in for the other commands")
    login.add_argument("--email", type=_text, help="e-mail address; the command asks for it if you omit it")
    login.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input, and a new one, if required, from the second",
    )
    put = add("put", "upload files, and all files of folders; uploads that were interrupted continue")
    put.add_argument(
        "files",
        nargs="+",
        type=_given,
        metavar="FILE",
        help="file or folder to upload; - is standard input, which is sent while it is read, and cannot be resumed",
    )
    put.add_argument("--name", type=_given, help="file name to declare; default: the name of FILE, or stdin for -")
    put.add_argument("--type", type=_given, help="content type to declare; default: by the first bytes and the name")
    put.add_argument(
        "--checksum",
        choices=CHECKSUMS,
        help="declare this checksum of the file, so that other bytes are rejected; reads the file once before it is "
        "sent, and in parts once more; crc32 takes half the time of sha256, but only detects accidental changes",
    )
    put.add_argument(
        "--method",
        choices=METHODS,
        help="how to send the file: in one request, in a form like a browser, or in parts; default: by its size",
    )
    _add_wait(put)
    resume = add("resume", "continue one interrupted upload, or all that this machine started")
    resume.add_argument(
        "file",
        nargs="?",
        type=_given,
        metavar="FILE",
        help="file to continue with. If another process is still sending it, both share the parts; with a process on "
        "another device only if the upload was declared with --checksum, otherwise this one sends all parts again",
    )
    resume.add_argument("--id", type=_upload_id, help="ID of an upload that another device started; requires FILE")
    _add_wait(resume)
    status = add("status", "show the status of an upload")
    status.add_argument("id", type=_upload_id, metavar="ID")
    _add_wait(status)
    listing = add("list", "list your newest uploads")
    listing.add_argument("--limit", type=_whole_number, default=100, metavar="N", help="how many uploads; default: 100")
    get = add("get", "download the result of an upload")
    get.add_argument("id", type=_upload_id, metavar="ID")
    get.add_argument(
        "-o",
        "--output",
        type=_given,
        metavar="FILE",
        help="file to write, or - for standard output; an existing file is replaced when the download is complete, and "
        "keeps its mode; default: the name of the uploaded file and .json, which must not exist",
    )
    abort = add("abort", "abort an upload that is not complete")
    abort.add_argument("id", type=_upload_id, metavar="ID")
    completion = add("completion", "print a script that completes this command in a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    redrive = add(
        "redrive",
        "process failed uploads again, by moving their messages from the dead-letter queue to the queue; for operators "
        "with AWS credentials",
    )
    which = redrive.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "ids", nargs="*", type=_upload_id, metavar="ID", default=[], help="only messages of these uploads"
    )
    which.add_argument("--all", action="store_true", help="all messages")
    redrive.add_argument("--dry-run", action="store_true", help="only show the messages")
    _add_verify(add("verify", "check that a deployed stack works, by a suite of cases"))
    _add_doctor(
        add(
            "doctor",
            "compare a stack with its AWS account: quotas, settings, changes by hand, and cost; for operators with AWS "
            "credentials",
        )
    )
    return top


def all_actions(reader: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and positional arguments of a parser and of its commands."""
    for action in reader._actions:  # noqa: SLF001 - argparse has no other list of them
        yield action
        if isinstance(action.choices, dict):  # those of commands are parsers
            for command in cast("dict[str, argparse.ArgumentParser]", action.choices).values():
                yield from all_actions(command)


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "--operator",
        action="store_true",
        help="use AWS credentials of an operator for more cases, and to delete what the cases have stored",
    )
    verify.add_argument(
        "--other-email",
        type=_text,
        metavar="EMAIL",
        help="another user, to check that users do not see each other's uploads; asks for the password; with "
        "--operator, the command makes a user and deletes it afterwards",
    )
    verify.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of standard input"
    )
    verify.add_argument(
        "--origin",
        action="append",
        type=_given,
        dest="origins",
        metavar="URL",
        help="a web origin that must be allowed, instead of those in the stack's outputs; can be given several times",
    )
    verify.add_argument(
        "--sample",
        type=Path,
        metavar="FILE",
        help="a small file that the stack's processor can process, if it cannot process any text file",
    )
    verify.add_argument(
        "--only",
        action="append",
        type=_given,
        default=[],
        metavar="NAME",
        help="run only this case or group of cases; can be given several times",
    )
    verify.add_argument("--list", action="store_true", dest="list_cases", help="only show the cases")
    verify.add_argument(
        "--timeout",
        type=_seconds,
        default=CASE_SECONDS,
        metavar="SECONDS",
        help=f"maximum time of one case; default: {CASE_SECONDS:g}",
    )
    verify.add_argument("--junit", type=Path, metavar="FILE", help="also write a report in JUnit's format")


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument(
        "file",
        nargs="?",
        type=_given,
        metavar="FILE",
        help="what to examine: before an update the output of `pulumi preview --json --show-sames`, after it that of "
        "`pulumi stack export`; default: the stack's outputs, which show less",
    )
    doctor.add_argument("--region", type=_given, help="AWS region; default: the one in FILE")
    doctor.add_argument("--policy", action="store_true", help="print the IAM policy that the command needs, and end")
    doctor.add_argument(
        "--uploads-per-day", type=_positive, metavar="N", help="show what this number of uploads costs in a month"
    )
    doctor.add_argument(
        "--average-size",
        type=_size,
        metavar="SIZE",
        help=f"size of each of them, such as 40MB; default: {AVERAGE_MB}MB",
    )
    doctor.add_argument(
        "--polls-per-upload",
        type=_positive,
        metavar="N",
        help=f"status requests for each of them; default: {POLLS_PER_UPLOAD}",
    )
    doctor.add_argument(
        "--prices", type=Path, metavar="FILE", help="TOML file with other prices, [REGION.NAME] as in prices.toml"
    )
    doctor.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="maximum time to list parts; default: 60"
    )


def is_folder(name: str) -> bool:
    """Whether this is a folder. False also if that cannot be read: the attempt to open it has the error."""
    return os.path.isdir(name)  # noqa: PTH112 - Path.is_dir raises PermissionError and others


def _add_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wait", action="store_true", help="wait until the upload has ended")
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help=f"maximum time to wait with --wait; default: {WAIT_SECONDS:g}",
    )


def _epilog() -> str:
    codes = "".join(f"  {code:<4} {meaning}\n" for code, meaning in MEANINGS.items())
    return f"exit codes:\n{codes}  With several files, the code of the first error.\n\n{_CONFIGURATION}"


def _whole_number(text: str) -> int:
    """Read a number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be 1 or more")
    return number


def _seconds(text: str) -> float:
    """Read a number of seconds greater than 0."""
    return _above_zero(text, "a number of seconds")


def _positive(text: str) -> float:
    """Read a number greater than 0 that is finite."""
    number = _above_zero(text, "a number")
    if number == math.inf:
        raise argparse.ArgumentTypeError(f"{text} must be finite")
    return number


def _above_zero(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None
    if not number > 0:  # also rejects nan
        raise argparse.ArgumentTypeError(f"{text} must be greater than 0")
    return number


_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


def _size(text: str) -> float:
    """Read a size in bytes, with or without a unit."""
    number = text.rstrip(string.ascii_letters)
    unit = text.removeprefix(number)
    if unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: use one of {', '.join(filter(None, _UNITS))}")
    return _positive(number) * _UNITS[unit]


def _given(text: str) -> str:
    """Read a text that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _text(text: str) -> str:
    """Read a text that is not empty, and that JSON can have."""
    try:
        _given(text).encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8") from None
    return text


def _upload_id(text: str) -> str:
    """Read a UUID, in the form that the API uses."""
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an upload ID. Give a UUID that `{PROGRAM} list` shows."
        ) from None
