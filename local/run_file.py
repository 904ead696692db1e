"""Which process runs local mode in this checkout.

That process holds a lock on the run file, and the system takes the lock back when the process is gone, however
it ended. So a held lock proves that the process named in the file is alive and ours; a number alone would not,
for numbers are given out again. The file itself stays, empty, because removing a locked file is a race.
"""

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local.faults import LocalModeError

PATH = Path(__file__).resolve().parent.parent / ".local" / "up.json"

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
    file = _open(path)
    if not _locked(file):
        os.close(file)
        raise LocalModeError(f"local mode runs in this checkout already: {find_runner(path)}")
    started_at = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps({"pid": os.getpid(), "started_at": started_at}).encode(), 0)
    try:
        yield
    finally:
        os.ftruncate(file, 0)


def find_runner(path: Path) -> Runner | None:
    """Return who runs local mode or left the file behind by dying; None if neither is the case."""
    if not path.exists():
        return None
    with _briefly_open(path) as file:
        is_alive = not _locked(file)
        content = os.pread(file, _CONTENT_BYTES, 0)
    return Runner(**json.loads(content), is_alive=is_alive) if content else None


def forget_dead_runner(path: Path) -> None:
    """Empty the file that a process left behind."""
    with _briefly_open(path) as file:
        if _locked(file):
            os.ftruncate(file, 0)


def is_gone_within(path: Path, seconds: float) -> bool:
    """Wait until the process that holds the file has ended."""
    deadline = time.monotonic() + seconds
    with _briefly_open(path) as file:
        while not _locked(file):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
    return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _briefly_open(path: Path) -> Generator[int]:
    file = _open(path)
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
