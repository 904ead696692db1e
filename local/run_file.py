"""Which process runs local mode in this checkout.

That process holds a lock on the run file, and the system takes the lock back when the process is gone, however
it ended. So a held lock proves that the process named in the file is alive and ours; a number alone would not,
for numbers are given out again. Only who has the lock removes the file; who gets the lock of a file that is no
longer at its path has been too slow, and opens the next one.
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


@dataclass(frozen=True)
class Runner:
    """The process that runs local mode, or ended without being able to say so."""

    pid: int
    started_at: str
    is_alive: bool

    def __str__(self) -> str:
        return f"process {self.pid}, started at {self.started_at}"


@contextmanager
def held(path: Path) -> Generator[None]:
    """Name this process in the file while the body runs; LocalModeError if another one is named.

    The lock stays until the process ends: who waits for it waits for that, not for the body's end.
    """
    path.parent.mkdir(exist_ok=True)
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
    """Return who runs local mode or left the file behind by dying; None if neither is the case."""
    try:
        with _briefly_open(path) as file:
            is_alive = not _locked(file)
            content = os.pread(file, _CONTENT_BYTES, 0)
    except FileNotFoundError:
        return None
    return Runner(**json.loads(content), is_alive=is_alive) if content else None


def forget_dead_runner(path: Path) -> None:
    """Remove the files that a process left behind."""
    file = _lock_newest(path)
    if file is not None:
        _remove(path)
        os.close(file)


def stop_within(path: Path, runner: Runner, seconds: float) -> bool:
    """Signal the process that holds the file to end, and wait. Returns False after the timeout."""
    deadline = time.monotonic() + seconds
    with _briefly_open(path) as file:  # opened first, as the process removes it while it ends
        os.kill(runner.pid, signal.SIGTERM)
        while not _locked(file):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
    return True


def _lock_newest(path: Path) -> int | None:
    """Open and lock the file that is at the path, made if need be; None if another process has it."""
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
    """Take the lock, which closing the file gives back; False if another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
