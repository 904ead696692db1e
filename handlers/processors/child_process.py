"""Runs work in a child process, which is killed at a deadline. What the work changes in its process ends with it."""

import ctypes
import os
import re
import select
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import NoReturn

from handlers.aws.folders import delete_folder

log = getLogger(__name__)

LONGEST_TRACEBACK = 32 * 1024
"""Characters, from the end. CloudWatch Logs truncates events over 256 KB."""

MAX_ANSWER_BYTES = 20 * 1024**2
"""Limit of an answer, so that it cannot exhaust this process's memory; more than MAX_RESULT_BYTES of a result."""

_POLL_SECONDS = 0.1
"""A child that ended without an answer is noticed after this time at the latest."""

_EXIT_SECONDS = 1.0
"""How long a process that has closed its end of the pipe may take to exit, so that its exit code is known."""

_FOLDER_PREFIX = "portage-job-"
"""Of temporary folders. The pid of the process that uses the folder follows."""

_FOLDER_NAME = re.compile(rf"{_FOLDER_PREFIX}(\d{{1,7}})-\w+")

_RETURNED, _RAISED = b"=", b"!"
_HEADER = struct.Struct(">cQ")
"""The kind of answer, and the length in bytes of the text that follows."""

_ENCODING = ("utf-8", "surrogatepass")

_KILL_ROUNDS = 100
"""How often processes are listed and killed, since a process can start another one in between."""

_PR_SET_PDEATHSIG = 1
"""Linux, prctl(2)."""


class WorkFailed(Exception):
    """The work raised an exception; the message is the child's traceback, for the log."""

    def __init__(self, kind: str, trace: str) -> None:
        super().__init__(trace)
        self.kind = kind
        """The name of the exception's class."""


class ProcessDied(Exception):
    """The child process ended without an answer: by os._exit(), by a signal, or because memory ran out."""


def run_in_child(work: Callable[[], str], seconds: float, while_working: Callable[[], None] = lambda: None) -> str:
    """Return what `work` returns in a child process, which is killed with all that it started.

    `while_working` is called in this process every 0.1 s. What it raises ends the child.

    The child has a session and a temporary folder of its own, no standard input, and its standard output is standard
    error. The folder is deleted by a later child, see _use_own_folder. The child inherits this process's clients, and
    must not use one that has been used here: two processes would share its connection.

    Raises TimeoutError after `seconds`, WorkFailed, ProcessDied, ValueError for an answer over MAX_ANSWER_BYTES, or
    OSError where no child can be started.
    """

    def in_own_folder() -> str:
        _use_own_folder()
        return work()

    return _answer_of(in_own_folder, seconds, while_working)


def call_in_child(call: Callable[[], str], seconds: float) -> str:
    """Return what `call` returns in a child process, which is killed after `seconds`: a call of our own that may hang.

    Unlike work, it has no folder of its own. Raises as run_in_child does.
    """
    return _answer_of(call, seconds, lambda: None)


def _answer_of(work: Callable[[], str], seconds: float, while_working: Callable[[], None]) -> str:
    child = _Child(work)
    try:
        answer = child.answer(seconds, while_working)
    finally:
        child.end()
    if answer is None:
        raise ProcessDied(f"The process left no answer; {_ending(child.status)}.")
    kind, text = answer
    if kind == _RAISED:
        name, _, trace = text.partition("\n")
        raise WorkFailed(name, trace)
    return text


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, work: Callable[[], str]) -> None:
        # What is buffered here would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._receiving, sending = os.pipe()
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _work(work, sending, parent=parent)
        except OSError:
            os.close(self._receiving)
            raise
        finally:
            os.close(sending)
        self.status: int | None = None
        """The status that os.waitpid() returned; None until the process has ended, or if end() killed it."""

    def answer(self, seconds: float, while_working: Callable[[], None]) -> tuple[bytes, str] | None:
        """Return the kind and text of the answer, or None if the process ended without one; raises TimeoutError.

        Does not wait for the end of the file, because a process that the child started may hold the pipe open.
        """
        ends_at = time.monotonic() + seconds
        poll, received = select.poll(), bytearray()
        poll.register(self._receiving, select.POLLIN)
        while (left := ends_at - time.monotonic()) > 0:
            while_working()
            if poll.poll(min(left, _POLL_SECONDS) * 1000):
                piece = os.read(self._receiving, 1024**2)
                received += piece
                if len(received) > MAX_ANSWER_BYTES:
                    raise ValueError(f"The answer has over {MAX_ANSWER_BYTES} bytes; return less.")
                if answer := _answer_in(received):
                    return answer
                if not piece:
                    self._await_end(min(left, _EXIT_SECONDS))
                    return None
            elif self.status is not None:
                return None
            else:
                self._look()  # then the pipe is read again: the answer may have come just before the end
        raise TimeoutError(f"The work did not end within {seconds:.3g} s.")

    def end(self) -> None:
        """Kill the process and its whole session, where they still live."""
        if self.status is None:
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):  # the group has ended; macOS raises PermissionError then
            os.killpg(self._pid, signal.SIGKILL)
        _kill_session(self._pid)
        if self.status is None:
            os.waitpid(self._pid, 0)
        os.close(self._receiving)

    def _await_end(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while self._look() is None and time.monotonic() < ends_at:
            time.sleep(0.01)

    def _look(self) -> int | None:
        if self.status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status


def _kill_session(session: int) -> None:
    """Kill the session's processes in other process groups, such as those of GNU `timeout`; works on Linux only."""
    for _ in range(_KILL_ROUNDS):
        alive = [pid for pid in _processes() if _session_of(pid) == session]
        if not alive:
            return
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    log.warning("Processes of session %d could not be ended.", session)


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _session_of(pid: int) -> int | None:
    """Return the session of a process that lives. Source: proc_pid_stat(5)."""
    try:
        state, _parent, _group, session = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:4]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in {b"Z", b"X"} else int(session)


def _answer_in(received: bytearray) -> tuple[bytes, str] | None:
    if len(received) < _HEADER.size:
        return None
    kind, length = _HEADER.unpack_from(received)
    if len(received) < _HEADER.size + length:
        return None
    return kind, received[_HEADER.size : _HEADER.size + length].decode(*_ENCODING)


def _ending(status: int | None) -> str:
    if status is None:
        return "it closed the file descriptor that its answer goes through, so it was killed"
    code = os.waitstatus_to_exitcode(status)
    if code == os.EX_IOERR:
        return f"its exit code is {code}: the file descriptor that its answer goes through was closed"
    return f"signal {-code} ended it" if code < 0 else f"its exit code is {code}"


def _work(work: Callable[[], str], sending: int, *, parent: int) -> NoReturn:
    """Run the work in the child and exit. The parent's code, such as its `finally` clauses, never runs in the child."""
    try:
        child = os.getpid()
        os.setsid()
        end_with(parent)
        _use_standard_error()
        message = _message(work)
        if os.getpid() != child:  # the work forked, and this is the copy: only the child itself answers
            os._exit(1)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the work may have closed it
                stream.flush()
        try:
            with os.fdopen(sending, "wb") as pipe:
                pipe.write(message)
        except OSError:
            os._exit(os.EX_IOERR)
        os._exit(0)
    finally:
        os._exit(1)


def _message(work: Callable[[], str]) -> bytes:
    try:
        kind, text = _RETURNED, work()
    except BaseException as fault:  # noqa: BLE001 - also sys.exit(): the parent reports the cause
        trace = "".join(traceback.format_exception(fault))[-LONGEST_TRACEBACK:]
        kind, text = _RAISED, f"{type(fault).__name__}\n{trace}"
    body = text.encode(*_ENCODING)
    return _HEADER.pack(kind, len(body)) + body


def end_with(parent: int) -> None:
    """Have Linux kill this process when its parent ends; on other systems it continues."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call
            os._exit(1)


def _use_standard_error() -> None:
    """Use no standard input, and standard error as standard output.

    The parent's standard input and output may be its connection to the runtime.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)


def _use_own_folder() -> None:
    """Make a folder for this process's temporary files, and delete the folders of processes that have ended.

    A folder is not deleted at the end of its own run: many files would take up the time in which the outcome is
    recorded, and a function that Lambda kills could not delete it. Here the deadline of the work bounds the deletion.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        name = _FOLDER_NAME.fullmatch(folder.name)
        if name is None or _is_another_process(int(name[1])):
            continue
        try:
            delete_folder(folder)
        except FileNotFoundError:  # another process deletes it at the same time
            continue
        except OSError:
            log.warning("The temporary folder %s was not deleted.", folder, exc_info=True)
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-")


def _is_another_process(pid: int) -> bool:
    """Return whether another process that lives has this pid."""
    if pid == os.getpid():
        return False
    try:
        with suppress(PermissionError):  # it is another user's
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
