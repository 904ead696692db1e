"""Work in a child process: what comes back of it, and that it ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers.child_process import LONGEST_TRACEBACK, MAX_ANSWER_BYTES, ProcessDied, WorkFailed, run_in_child

PROJECT = Path(__file__).parents[3]


def exit_at_once() -> str:
    os._exit(7)


def be_killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


@pytest.mark.parametrize("text", ["", "x", "é\n\0 \ud800 \U0001f600", "x" * 300_000])
def test_any_text_comes_back_as_it_is(text: str) -> None:
    assert run_in_child(lambda: text, 30) == text


def test_it_is_another_process() -> None:
    assert int(run_in_child(lambda: str(os.getpid()), 30)) != os.getpid()


@pytest.mark.parametrize("fault", [ValueError("why"), SystemExit(3), KeyboardInterrupt()])
def test_an_exception_comes_back_as_its_kind_and_traceback(fault: BaseException) -> None:
    def work() -> str:
        raise fault

    with pytest.raises(WorkFailed) as caught:
        run_in_child(work, 30)
    assert caught.value.kind == type(fault).__name__
    assert "in work\n" in str(caught.value)


def test_of_an_endless_traceback_the_end_is_kept() -> None:
    def work() -> str:
        raise ValueError("why" * LONGEST_TRACEBACK)

    with pytest.raises(WorkFailed) as caught:
        run_in_child(work, 30)
    assert len(str(caught.value)) == LONGEST_TRACEBACK


@pytest.mark.parametrize(("end", "told"), [(exit_at_once, "exit code is 7"), (be_killed, "signal 9 ended it")])
def test_a_process_that_leaves_no_answer_is_an_error_that_says_how_it_ended(end: Callable[[], str], told: str) -> None:
    with pytest.raises(ProcessDied, match=told):
        run_in_child(end, 30)


def test_an_answer_that_stands_in_the_pipe_when_the_process_has_ended_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait = os.waitpid

    def late(pid: int, options: int) -> tuple[int, int]:
        time.sleep(0.5)  # in which the child answers and ends
        return wait(pid, options)

    monkeypatch.setattr(os, "waitpid", late)
    assert run_in_child(lambda: time.sleep(0.2) or "an answer", 30) == "an answer"


def test_after_its_time_it_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def work() -> str:
        pid.write_text(str(os.getpid()))
        time.sleep(60)
        return ""

    with pytest.raises(TimeoutError, match="1 s"):
        run_in_child(work, 1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process with its parent")
def test_it_ends_with_its_parent() -> None:
    program = """
import os, sys, time
from handlers.child_process import run_in_child

def work():
    print(os.getpid(), file=sys.stderr, flush=True)
    time.sleep(60)
    return ""

run_in_child(work, 60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stderr=subprocess.PIPE) as parent:
        assert parent.stderr
        pid = int(parent.stderr.readline())
        parent.send_signal(signal.SIGKILL)
        assert parent.stderr.read() == b"", "the end of the file comes when the child has ended as well"
    assert not Path(f"/proc/{pid}/exe").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the processes of a session")
def test_what_it_started_in_another_process_group_is_killed_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def work() -> str:
        started = subprocess.Popen(["sleep", "60"], process_group=0)  # noqa: S607 - found on PATH, as a processor's are
        pid.write_text(str(started.pid))
        return "done"

    assert run_in_child(work, 30) == "done"
    ends_at = time.monotonic() + 60
    while _lives(pid.read_text()):
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def _lives(pid: str) -> bool:
    """Whether a process exists and is no zombie, which its new parent has yet to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_answer_that_never_ends_is_not_kept_in_memory() -> None:
    with pytest.raises(ValueError, match=str(MAX_ANSWER_BYTES)):
        run_in_child(lambda: "x" * (MAX_ANSWER_BYTES + 1), 30)
