"""Records which process runs local mode in this checkout, and stops it.

That process holds a lock on the run file. The system releases the lock when the process ends, also after a crash. So
a held lock proves that the process in the file runs local mode; its id alone would not, because ids are used again.
Only the process with the lock deletes the file. A process that locks a deleted file opens the new one at the path.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from local import PROJECT_DIR
from local.errors import LocalModeError

PATH = PROJECT_DIR / ".local" / "up.json"

_LOOK_SECONDS = 0.05
_CONTENT_BYTES = 4096
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Runner:
    """The process that runs local mode, or that ended without cleaning up."""

    pid: int
    started_at: str
    is_alive: bool

    def __str__(self) -> str:
        return f"process {self.pid}, started at {self.started_at}"


@contextmanager
def held(path: Path) -> Generator[None]:
    """Record this process in the file while the body runs; LocalModeError if another process runs local mode.

    The lock stays until the process ends, so `down` waits for the end of the process and not of the body.
    """
    try:
        path.parent.mkdir(exist_ok=True)
    except FileExistsError:
        raise LocalModeError(f"{path.parent} is not a folder; delete it.") from None
    file = _lock_newest(path)
    if file is None:
        raise LocalModeError(
            f"Local mode already runs in this checkout: {find_runner(path)}. Stop it with `make down`."
        )
    started_at = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps({"pid": os.getpid(), "started_at": started_at}).encode(), 0)
    try:
        yield
    finally:
        _remove(path)


class ClientFiles(NamedTuple):
    """The portage command's files for one run of local mode, beside the run file and deleted with it."""

    config: Path
    credentials: Path


def client_files(path: Path) -> ClientFiles:
    """Return the paths of the portage command's files."""
    return ClientFiles(path.with_name("portage.json"), path.with_name("credentials.json"))


def find_runner(path: Path) -> Runner | None:
    """Return the process in the run file, alive or not; None without one."""
    try:
        with _briefly_open(path) as file:
            is_alive = not _locked(file)
            content = os.pread(file, _CONTENT_BYTES, 0)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return Runner(**json.loads(content), is_alive=is_alive) if content else None
    except (ValueError, TypeError):
        raise LocalModeError(f"{path} has not been written by local mode; delete it.") from None


def _remove_files_of_dead_runner(path: Path) -> None:
    """Delete the files of a process that ended without cleaning up."""
    file = _lock_newest(path)
    if file is not None:
        _remove(path)
        os.close(file)


def _stop_within(path: Path, runner: Runner, seconds: float) -> bool:
    """Ask the process to end and wait until it has ended; False if it has not in that time."""
    deadline = time.monotonic() + seconds
    with _briefly_open(path) as file:  # opened first, because the process deletes it before it ends
        os.kill(runner.pid, signal.SIGTERM)
        while not _locked(file):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
    return True


def down(path: Path = PATH) -> str:
    """Stop the `up` of this checkout, if one runs, wait until it has ended, and return a sentence about it."""
    runner = find_runner(path)
    if runner is None:
        return "Local mode does not run in this checkout: `make local`, or `python -m local up`, starts it."
    if not runner.is_alive:
        _remove_files_of_dead_runner(path)
        return f"Local mode does not run in this checkout: {runner} ended without cleaning up; its files are deleted."
    if not _stop_within(path, runner, _STOP_SECONDS):
        raise LocalModeError(
            f"{runner} still runs {_STOP_SECONDS:.0f} s after it was asked to stop. End it with: kill -9 {runner.pid}."
        )
    return f"Local mode has stopped: {runner}."


def _lock_newest(path: Path) -> int | None:
    """Open and lock the file at the path, created if missing; None if another process has the lock."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        is_locked = _locked(file)
        if is_locked and _is_at(path, file):
            return file
        os.close(file)
        if not is_locked:
            return None


def _is_at(path: Path, file: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file).st_ino
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    for file in client_files(path):
        file.unlink(missing_ok=True)
    path.unlink()


@contextmanager
def _briefly_open(path: Path) -> Generator[int]:
    file = os.open(path, os.O_RDWR)
    try:
        yield file
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    """Take the lock, which closing the file releases; False if another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
