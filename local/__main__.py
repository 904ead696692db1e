"""`python -m local up | demo | down`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from client import PortageError
from local.demo import run_demo
from local.display import print_error, print_text
from local.emulator import EmulatorError
from local.faults import LocalModeError
from local.interruption import Stopped, stoppable
from local.up import down, up

_EXPLAINED = (LocalModeError, EmulatorError, PortageError, ClientError, BotoCoreError)
"""Their messages say enough; anything else is a fault of this project, and shows where it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything happened that the command promises, 1 if not, 128 + n after signal n."""
    command: Callable[[], int] = _parser().parse_args(arguments).command
    try:
        with stoppable():
            return command()
    except _EXPLAINED as error:
        print_error(str(error))
        return 1
    except Stopped as stopped:
        print_error(f"{stopped}: everything that was started has ended")
        return stopped.exit_code


def _up() -> int:
    try:
        up()
    except Stopped as stopped:  # how it is meant to end
        print_text(f"{stopped}: everything that was started has ended")
    return 0


def _demo() -> int:
    run_demo()
    return 0


def _down() -> int:
    print_text(down())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run the whole program on this machine: no AWS account, no Docker, no Pulumi CLI.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("up", _up, "start an embedded AWS, deploy the stack `local`, and stay until Ctrl-C or `down`"),
        ("demo", _demo, "send a file that API Gateway refuses through the program, show it, and clean up"),
        ("down", _down, "stop the `up` that runs in this checkout, and wait until it has ended"),
    ):
        commands.add_parser(name, help=text, description=f"{text.capitalize()}.").set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
