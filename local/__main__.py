"""`python -m local up | demo | down`.

The commands import what they need when they run, because importing Pulumi and botocore takes most of a second.
"""
# ruff: noqa: PLC0415

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence

from local.errors import LocalModeError
from local.interruption import Stopped, check_stopped, stoppable

_MACHINE = {
    errno.EACCES: "Let this user write there.",
    errno.EDQUOT: "Delete files, or set TMPDIR to a folder on another disk.",
    errno.EMFILE: "Allow more open files, for example with: ulimit -n 4096.",
    errno.ENOSPC: "Delete files, or set TMPDIR to a folder on another disk.",
    errno.EROFS: "Use a checkout on a disk that can be written.",
}
"""What to do about errors of this machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if the command succeeded, 1 if it failed, 128 + n after signal n."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        with stoppable():
            return command(options)
    except LocalModeError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it at exit
        return 1
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        place = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"\n{error.strerror}{place}. {_MACHINE[error.errno]}\n")
        return 1
    except Stopped as stopped:
        sys.stderr.write(f"\n{stopped}: everything that was started has ended.\n")
        return stopped.exit_code


def _up(options: argparse.Namespace) -> int:
    try:
        from local.up import up

        if options.engine == "pulumi":
            from local.engine.pulumi_cli.deployer import deploy_program
        else:
            from local.startup import deploy_program
        up(deploy_program, options.compute)
    except Stopped as stopped:  # the normal end
        sys.stdout.write(f"\n{stopped}: everything that was started has ended.\n")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from local.demo import run_demo

    run_demo(options.compute)
    check_stopped()
    return 0


def _down(_: argparse.Namespace) -> int:
    from local.run_file import down

    sys.stdout.write(f"{down()}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run the whole program on this machine: no AWS account, no Docker, no Pulumi CLI needed.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("up", _up, "start an embedded AWS, deploy the stack `local`, and stay until Ctrl-C or `down`"),
        ("demo", _demo, "send a file that API Gateway refuses through the program, show it, and clean up"),
        ("down", _down, "stop the `up` that runs in this checkout, if one does, and wait until it has ended"),
    ):
        command_parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command_parser.set_defaults(command=command)
        if command is not _down:
            command_parser.add_argument(
                "--compute",
                metavar="COMPUTE",
                help="where the processor runs, instead of the setting `compute` in Pulumi.local.yaml",
            )
        if command is _up:
            command_parser.add_argument(
                "--engine",
                choices=("built-in", "pulumi"),
                default="built-in",
                help="what runs the program: local mode itself, or the Pulumi CLI with local mode's plugin",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
