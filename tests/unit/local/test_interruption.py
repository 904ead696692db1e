import os
import signal

import pytest

from local.display import PlainDisplay
from local.interruption import Stopped, check_stopped, stoppable


class Finalized:
    """Is stopped in its finalizer, where Python ignores all exceptions."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestASignalThatPythonPassesOver:
    def test_is_raised_again_where_something_can_come_of_it(self) -> None:
        def command() -> None:
            with stoppable():
                Finalized()
                check_stopped()

        with pytest.raises(Stopped) as stopped:
            command()
        assert stopped.value.exit_code == 128 + signal.SIGINT

    def test_ends_it_with_the_step(self) -> None:
        done: list[str] = []

        def command() -> None:
            with stoppable(), PlainDisplay(("first", "second")) as display:
                with display.step("first"):
                    Finalized()
                done.append("first")

        with pytest.raises(Stopped):
            command()
        assert done == []


def test_one_command_does_not_end_the_next() -> None:
    with pytest.raises(Stopped), stoppable():
        os.kill(os.getpid(), signal.SIGINT)
    with stoppable():
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_was_ignored_from_the_start_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), number)
            check_stopped()
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)
