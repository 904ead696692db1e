"""The `portage` command. `python -m client` is the same."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

from .cli.arguments import Options, all_actions, is_folder, parser
from .cli.exit_codes import ExitCode, exit_code_of_error
from .errors import PortageError, reason


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in the arguments, and return the exit code."""
    try:
        return _run(arguments)
    finally:
        _flush()


def _run(arguments: Sequence[str] | None) -> int:
    reader = parser()
    options = reader.parse_args(arguments, Options())
    if options.command == "resume" and options.id and not options.file:
        reader.error("resume --id requires the FILE that the upload is of")
    if options.name and (len(options.files) > 1 or any(map(is_folder, options.files))):
        reader.error(f"--name {options.name} cannot name several files: upload them one at a time")
    if options.command == "completion":
        return _print_completion(reader, options.shell)

    from .cli.commands import COMMANDS  # noqa: PLC0415 - help and wrong usage need not wait for it
    from .cli.output import Output  # noqa: PLC0415 - as above

    output = Output(as_json=options.json)
    with _ended_by_signals():
        try:
            code = COMMANDS[options.command](options, output)
        except KeyboardInterrupt as interrupt:
            for sentence in ("interrupted", *getattr(interrupt, "__notes__", ())):
                output.note(sentence)
            return interrupt.args[0] if isinstance(interrupt, _Ended) else ExitCode.INTERRUPTED
        except (PortageError, OSError) as error:
            output.error(error)
            code = exit_code_of_error(error)
    if output.failure is None or isinstance(output.failure, BrokenPipeError):
        return code  # a reader that has read enough, such as head, is no error
    output.note(f"the output could not be written: {reason(output.failure)}")
    return code or ExitCode.FILE


class _Ended(KeyboardInterrupt):
    """The system or another process asked this one to end. The argument is the exit code."""


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C, so that the command says what stays open. Keeps signals that are ignored."""

    def end(number: int, _: object) -> None:
        raise _Ended(128 + number)  # as a shell reports a process that a signal has ended

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # Python sets handlers there only
    former = {number: signal.signal(number, end) for number in numbers if signal.getsignal(number) == signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _print_completion(reader: argparse.ArgumentParser, shell: str) -> ExitCode:
    import shtab  # noqa: PLC0415 - only this command needs it

    from .cli.output import Output, standard  # noqa: PLC0415 - help need not wait for it

    for action in all_actions(reader):
        if action.metavar == "FILE":
            vars(action)["complete"] = shtab.FILE  # where shtab looks for it
    try:
        stdout = standard("stdout")
        stdout.write(shtab.complete(reader, shell) + "\n")
        stdout.flush()
    except BrokenPipeError:
        return ExitCode.DONE
    except OSError as error:
        Output(as_json=False).note(f"the output could not be written: {reason(error)}")
        return ExitCode.FILE
    return ExitCode.DONE


def _flush() -> None:
    """Write what is left in buffers. If Python fails to do so when it exits, the exit code is 120."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # it is None if it was closed before Python started
            try:
                stream.flush()
            except (OSError, ValueError):
                with suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
