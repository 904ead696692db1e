"""Work in a child process: what comes back of it, and that it ends with its parent."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from handlers.processors import child_process
from handlers.processors.child_process import (
    LONGEST_TRACEBACK,
    MAX_ANSWER_BYTES,
    ProcessDied,
    WorkFailed,
    call_in_child,
    run_in_child,
)
from tests.support.paths import PROJECT

pytestmark = pytest.mark.usefixtures("own_temporary_folder")


def exit_at_once() -> str:
    os._exit(7)


def be_killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def close_all_files() -> str:
    os.closerange(0, 1_000)
    return ""


def close_all_files_and_go_on() -> str:
    os.closerange(0, 1_000)
    time.sleep(60)
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


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (exit_at_once, "exit code is 7"),
        (be_killed, "signal 9 ended it"),
        (close_all_files, "file descriptor .* was closed"),
        (close_all_files_and_go_on, "it closed the file descriptor"),
    ],
)
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

    with pytest.raises(TimeoutError, match="3 s"):
        run_in_child(work, 3)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_call_that_hangs_is_ended_in_time_and_makes_no_folder(own_temporary_folder: Path) -> None:
    began_at = time.monotonic()
    with pytest.raises(TimeoutError):
        call_in_child(lambda: time.sleep(60) or "", 0.5)
    assert time.monotonic() - began_at < 30
    assert call_in_child(lambda: "an answer", 30) == "an answer"
    assert list(own_temporary_folder.iterdir()) == []


def test_its_starter_is_called_while_it_works_and_may_end_it(tmp_path: Path) -> None:
    pid, calls = tmp_path / "pid", 0

    def work() -> str:
        pid.write_text(str(os.getpid()))
        time.sleep(60)
        return ""

    def while_working() -> None:
        nonlocal calls
        calls += 1
        if calls > 3 and pid.exists() and pid.read_text():
            raise LookupError

    with pytest.raises(LookupError):
        run_in_child(work, 30, while_working)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize("end", [lambda: "", lambda: 1 / 0], ids=["returns", "raises"])
def test_only_the_process_itself_answers_though_its_work_forks(end: Callable[[], object]) -> None:
    def work() -> str:
        copy = os.fork()
        if copy == 0:
            end()
            return "the copy"
        os.waitpid(copy, 0)
        return "the process itself"

    assert run_in_child(work, 30) == "the process itself"


WAITING = """
import os, sys, tempfile, time
from pathlib import Path
from handlers.processors.child_process import run_in_child

def work():
    Path(tempfile.gettempdir(), "content").touch()
    os.write(2, os.fsencode(tempfile.gettempdir()) + b"\\n")
    time.sleep(60)
    return ""

run_in_child(work, 60)
"""
"""A function that works until it is killed; writes its child's temporary folder to standard error."""


@contextmanager
def waiting_function(tmp_path: Path) -> Generator[tuple[subprocess.Popen[bytes], Path]]:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", WAITING], cwd=PROJECT, stderr=subprocess.PIPE, env=environ) as parent:
        try:
            assert parent.stderr
            yield parent, Path(os.fsdecode(parent.stderr.readline().rstrip(b"\n")))
        finally:
            parent.kill()


class TestTemporaryFolder:
    def test_it_is_deleted_by_the_next_run_and_not_before_the_outcome_is_known(self) -> None:
        first = Path(run_in_child(tempfile.gettempdir, 30))
        assert first.is_dir()
        second = Path(run_in_child(tempfile.gettempdir, 30))
        assert (first.exists(), second.is_dir()) == (False, True)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process with its parent")
    def test_that_of_a_function_that_was_killed_is_deleted_by_the_next_run(self, own_temporary_folder: Path) -> None:
        with waiting_function(own_temporary_folder) as (function, folder):
            function.kill()
            assert function.stderr
            function.stderr.read()  # until the child has ended as well
            assert (folder / "content").exists()
            await_deletion(folder)

    def test_that_of_another_process_which_lives_is_kept(self, own_temporary_folder: Path) -> None:
        with waiting_function(own_temporary_folder) as (_, folder):
            run_in_child(lambda: "", 30)
            assert (folder / "content").exists()

    @pytest.mark.parametrize("name", ["portage-job-", "portage-job-x-y", "portage-job-99999999999-x", "portage-aws-1"])
    def test_a_folder_of_another_name_is_kept(self, own_temporary_folder: Path, name: str) -> None:
        (own_temporary_folder / name).mkdir()
        run_in_child(lambda: "", 30)
        assert (own_temporary_folder / name).is_dir()

    def test_its_deletion_does_not_outlast_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def delete_slowly(_folder: Path) -> None:
            time.sleep(60)

        run_in_child(lambda: "", 30)
        monkeypatch.setattr(child_process, "delete_folder", delete_slowly)
        with pytest.raises(TimeoutError):
            run_in_child(lambda: "", 1)

    def test_one_that_cannot_be_deleted_is_no_error(self) -> None:
        def remove_permission() -> str:
            folder = Path(tempfile.gettempdir())
            (folder / "content").touch()
            folder.chmod(0)
            return str(folder)

        folder = Path(run_in_child(remove_permission, 30))
        assert run_in_child(lambda: "an answer", 30) == "an answer"
        if folder.exists():  # root needs no permission
            folder.chmod(0o700)


def await_deletion(folder: Path) -> None:
    """Run until the process that used the folder is gone from the list of processes; its new parent reaps it."""
    ends_at = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < ends_at
        run_in_child(lambda: "", 30)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process with its parent")
def test_it_ends_with_its_parent() -> None:
    program = """
import os, sys, time
from handlers.processors.child_process import run_in_child

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
