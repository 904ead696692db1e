"""Ends a command in an orderly way at a signal."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end.

    A KeyboardInterrupt, because an event loop lets only that and SystemExit through.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number
        """The exit code that a shell reports for a process that the signal ended."""


_pending: list[Stopped] = []


def check_stopped() -> None:
    """Raise Stopped again if it was raised where Python ignores it.

    Python ignores an exception in a finalizer or a weak reference's callback.
    """
    if _pending:
        raise _pending[0]


@contextmanager
def stoppable() -> Generator[None]:
    """Raise Stopped in the main thread at the first signal; later signals do not interrupt the cleanup."""
    previous = {number: signal.getsignal(number) for number in _STOPPING}

    def stop(number: int, _frame: object) -> None:
        for each in _STOPPING:
            signal.signal(each, signal.SIG_IGN)
        _pending.append(Stopped(number))
        raise _pending[0]

    for number, handler in previous.items():
        if handler != signal.SIG_IGN:  # nohup ignores SIGHUP, and `&` in a script SIGINT
            signal.signal(number, stop)
    try:
        yield
    finally:
        _pending.clear()
        for number, handler in previous.items():
            signal.signal(number, handler)
