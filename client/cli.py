"""The `portage` command: what can be said to it."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from client import commands
from client.errors import PortageError
from client.exits import MEANINGS, Exit, exit_of_error
from client.models import METHODS
from client.output import Output
from client.program import PROGRAM
from client.source import CHECKSUMS

Command = Callable[[argparse.Namespace, Output], Exit]

_WAIT_SECONDS = 600.0
_CONFIGURATION = """\
configuration:
  The stack's outputs, as `pulumi stack output --json > portage.json` writes them: apiUrl, userPoolClientId
  and region, in local mode also cognitoEndpoint. Looked for in --config, the environment variable
  PORTAGE_CONFIG, ./portage.json, and portage.json in the user's configuration folder.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit code."""
    reader = parser()
    options = reader.parse_args(arguments, argparse.Namespace(json=False, config=None, id=None, file=None, name=None))
    if options.command is commands.resume and options.id and not options.file:
        reader.error("resume --id needs the FILE that the upload is of")
    if options.name and len(options.files) > 1:
        reader.error(f"--name {options.name} cannot be the name of {len(options.files)} files: put one at a time")
    output = Output(as_json=options.json)
    command: Command = options.command
    try:
        return command(options, output)
    except KeyboardInterrupt:
        output.note("interrupted")
        return Exit.INTERRUPTED
    except (PortageError, OSError) as error:
        output.error(error)
        return exit_of_error(error)


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments; options that all commands share may stand before or after the command."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="write one JSON object a line, and no progress"
    )
    shared.add_argument(
        "--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="the stack's outputs (see below)"
    )
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Carry large files to where they are processed.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    words = top.add_subparsers(required=True, metavar="COMMAND")

    def word(name: str, command: Command, told: str) -> argparse.ArgumentParser:
        added = words.add_parser(
            name,
            help=told,
            description=f"{told[0].upper()}{told[1:]}.",
            epilog=_epilog(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
        )
        added.set_defaults(command=command)
        return added

    login = word("login", commands.login, "sign in, and remember it")
    login.add_argument("--email", type=_given, help="asked for if left out")
    login.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input, and a new one, where it must be changed, from the next line",
    )
    put = word("put", commands.put, "send files, going on where sending them was interrupted")
    put.add_argument(
        "files",
        nargs="+",
        type=_given,
        metavar="FILE",
        help="- is standard input: kept in the cache folder first, to know its size",
    )
    put.add_argument("--name", type=_given, help="file name to declare (- is called stdin otherwise)")
    put.add_argument("--type", type=_given, help="content type to declare, guessed by the name otherwise")
    put.add_argument(
        "--checksum",
        choices=CHECKSUMS,
        help="declare the file by it, so that any other bytes are refused or rejected; takes a reading of the file "
        "before it is sent, and in parts another one meanwhile; crc32 takes half the time, but only finds accidents",
    )
    put.add_argument(
        "--method",
        choices=METHODS,
        help="how the bytes go: in one request, in a form as from a browser, or in parts; by the size if left out",
    )
    _add_wait(put)
    resume = word("resume", commands.resume, "go on with one interrupted file, or with all that were begun here")
    resume.add_argument(
        "file",
        nargs="?",
        type=_given,
        metavar="FILE",
        help="where another process still sends it, this one joins in, and sends from the end until they meet; on "
        "another device only if it was declared with --checksum, else this one sends everything again",
    )
    resume.add_argument("--id", type=_upload_id, help="upload that was begun on another device; needs FILE")
    _add_wait(resume)
    status = word("status", commands.status, "tell how far an upload is")
    status.add_argument("id", type=_upload_id, metavar="ID")
    _add_wait(status)
    listing = word("list", commands.list_uploads, "tell of the newest uploads")
    listing.add_argument("--limit", type=_whole, default=100, metavar="N", help="how many; 100 if left out")
    get = word("get", commands.get, "fetch an upload's result")
    get.add_argument("id", type=_upload_id, metavar="ID")
    get.add_argument(
        "-o",
        "--output",
        type=_given,
        metavar="FILE",
        help="- is standard output; a file that is there is replaced at once and keeps its mode; named after the "
        "uploaded file if left out",
    )
    abort = word("abort", commands.abort, "give an upload up before it is complete")
    abort.add_argument("id", type=_upload_id, metavar="ID")
    return top


def _add_wait(word: argparse.ArgumentParser) -> None:
    word.add_argument("--wait", action="store_true", help="follow the upload to its end")
    word.add_argument(
        "--timeout",
        type=_seconds,
        default=_WAIT_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait; {_WAIT_SECONDS:g} if left out",
    )


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not seconds > 0:  # nan is not either
        raise argparse.ArgumentTypeError(f"{text} is not more than 0 seconds")
    return seconds


def _given(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("'' says nothing: fill it in, or leave it out")
    return text


def _upload_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no upload's ID: give a UUID, such as `{PROGRAM} list` shows"
        ) from None


def _epilog() -> str:
    codes = "".join(f"  {code:<4} {meaning}\n" for code, meaning in MEANINGS.items())
    return f"exit codes:\n{codes}  Of several files, the first fault's.\n\n{_CONFIGURATION}"
