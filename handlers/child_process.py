"""Runs work in a child process, which is killed at a deadline. What the work changes in its process ends with it."""

import ctypes
import os
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path
from typing import NoReturn

log = getLogger(__name__)

LONGEST_TRACEBACK = 32 * 1024
"""Characters, from the end. CloudWatch Logs truncates events over 256 KB."""

MAX_ANSWER_BYTES = 20 * 1024**2
"""Limit of an answer, so that it cannot exhaust this process's memory; more than MAX_RESULT_BYTES of a result."""

_POLL_SECONDS = 0.1
"""A child that ended without an answer is noticed after this time at the latest."""

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


def run_in_child(work: Callable[[], str], seconds: float) -> str:
    """Return what `work` returns in a child process, which is killed with all that it started.

    The child has a session and a temporary folder of its own, no standard input, and its standard output is standard
    error. It inherits this process's clients, and must not use one that has been used here: two processes would share
    its connection.

    Raises TimeoutError after `seconds`, WorkFailed, ProcessDied, ValueError for an answer over MAX_ANSWER_BYTES, or
    OSError where no child can be started.
    """
    with _temporary_folder() as folder:
        child = _Child(work, folder)
        try:
            answer = child.answer(seconds)
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

    def __init__(self, work: Callable[[], str], folder: str) -> None:
        # What is buffered here would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._receiving, sending = os.pipe()
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _work(work, sending, parent=parent, folder=folder)
        except OSError:
            os.close(self._receiving)
            raise
        finally:
            os.close(sending)
        self.status: int | None = None
        """The status that os.waitpid() returned; None until the process has ended."""

    def answer(self, seconds: float) -> tuple[bytes, str] | None:
        """Return the kind and text of the answer, or None if the process ended without one; raises TimeoutError.

        Does not wait for the end of the file, because a process that the child started may hold the pipe open.
        """
        ends_at = time.monotonic() + seconds
        poll, received = select.poll(), bytearray()
        poll.register(self._receiving, select.POLLIN)
        while (left := ends_at - time.monotonic()) > 0:
            if poll.poll(min(left, _POLL_SECONDS) * 1000):
                piece = os.read(self._receiving, 1024**2)
                received += piece
                if len(received) > MAX_ANSWER_BYTES:
                    raise ValueError(f"The answer has over {MAX_ANSWER_BYTES} bytes; return less.")
                if (answer := _answer_in(received)) or not piece:
                    return answer
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
            _, self.status = os.waitpid(self._pid, 0)
        os.close(self._receiving)

    def _look(self) -> None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            self.status = status


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
    code = 0 if status is None else os.waitstatus_to_exitcode(status)
    return f"signal {-code} ended it" if code < 0 else f"its exit code is {code}"


def _work(work: Callable[[], str], sending: int, *, parent: int, folder: str) -> NoReturn:
    """Run the work in the child and exit. The parent's code, such as its `finally` clauses, never runs in the child."""
    try:
        os.setsid()
        _end_with(parent)
        _isolate(folder)
        message = _message(work)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the work may have closed it
                stream.flush()
        with os.fdopen(sending, "wb") as pipe:
            pipe.write(message)
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


def _end_with(parent: int) -> None:
    """Have Linux kill this process when its parent ends; on other systems it continues."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call
            os._exit(1)


def _isolate(folder: str) -> None:
    """Use no standard input, standard error as standard output, and the folder for temporary files.

    The parent's standard input and output may be its connection to the runtime.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    os.environ["TMPDIR"] = tempfile.tempdir = folder


@contextmanager
def _temporary_folder() -> Generator[str]:
    folder = tempfile.mkdtemp(prefix="portage-")
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except OSError:  # the work may have removed the permission or the folder
            log.warning("The temporary folder %s was not deleted.", folder, exc_info=True)
