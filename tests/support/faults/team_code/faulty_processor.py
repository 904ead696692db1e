"""A processor that damages something: what and how is in the file's name."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Mapping

from handlers.processors import Job


def process(job: Job) -> Mapping[str, object]:
    if job.file_name.startswith("poison"):
        raise RuntimeError("no try can process this object")
    if job.file_name == "killed-once.bin" and job.attempt == 1:
        os.kill(os.getppid(), signal.SIGKILL)  # what runs the job, as if its machine failed
        time.sleep(60)
    if job.file_name == "slow.bin":
        time.sleep(1)
    if damage := _DAMAGES.get(job.file_name.removesuffix(".bin")):
        damage()
    # A result of its own for each run, so that two stored results of one upload are seen.
    return {"size_bytes": sum(map(len, job.chunks())), "run": str(uuid.uuid4()), "attempt": job.attempt}


def _close_files() -> None:
    os.closerange(0, 4_096)


def _kill_group() -> None:
    os.killpg(0, signal.SIGKILL)


def _exit() -> None:
    os._exit(0)


def _exhaust_stack() -> None:
    sys.setrecursionlimit(1_000_000)
    _exhaust_stack()


def _leave_a_child() -> None:
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)


def _write_everywhere() -> None:
    for descriptor in range(1, 64):
        try:
            os.write(descriptor, b"\0noise\n" * 100)
        except OSError:
            continue


def _take_memory() -> None:
    blocks = [bytearray(1024**2) for _ in range(100)]
    del blocks


def _ignore_signals() -> None:
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(each, signal.SIG_IGN)


_DAMAGES = {
    "closes-files": _close_files,
    "kills-group": _kill_group,
    "exits": _exit,
    "exhausts-stack": _exhaust_stack,
    "leaves-a-child": _leave_a_child,
    "writes-everywhere": _write_everywhere,
    "takes-memory": _take_memory,
    "ignores-signals": _ignore_signals,
}
