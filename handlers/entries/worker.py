"""The container worker: takes messages from the queue and runs each as a job, until SIGTERM.

`python -m handlers.entries.worker` runs as many jobs at once as fit into the container's memory, each in a slot: a
process of one thread, because a job's child process is made by fork. At SIGTERM a slot takes no more messages. It ends
its job, or hands it back when the time until the container is killed is nearly over. worker_health.py checks whether
the slots make progress.
"""

import logging
import os
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from handlers.aws.environment import read_environment
from handlers.aws.json_logs import use_json_logs
from handlers.aws.task_protection import TaskProtection
from handlers.domain.slots import slots_of
from handlers.entries.job_clients import environment
from handlers.entries.jobs import run_job
from handlers.entries.worker_health import sign_of_life
from handlers.processors import WorkerEnvironment
from handlers.processors.child_process import end_with, run_in_child
from handlers.storage.job_queue import JobQueue, Message
from handlers.use_cases.process_object import Interrupted

log = logging.getLogger(__name__)

POLL_SECONDS = 10
"""For one long poll. A slot without a job stops within it: a poll that is cut off would lose what SQS just sent."""

HAND_BACK_SECONDS = 5.0
"""Reserved at the end of the stop timeout, to give back the lease and the message."""

RECEIVE_RETRY_SECONDS = 2.0
"""Between polls that fail in spite of the SDK's own retries."""

MOST_RESTARTS, RESTARTS_WITHIN_SECONDS = 10, 300.0
"""If more slots than this end by themselves, the worker exits with 1, so that its container is replaced."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_DIES_FIRST = "1000"
"""Linux, proc_pid_oom_score_adj(5): of all processes, the kernel kills these first when memory runs out."""


def main() -> int:
    """Run the worker; returns the exit code."""
    # A pipe is buffered otherwise, and a slot exits without emptying its buffer.
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    env = read_environment(WorkerEnvironment)
    use_json_logs(env.log_level)
    slots = slots_of(env.worker_memory_mb, env.worker_job_memory_mb)
    if slots == 0:
        log.error("No job of %d MB fits into %d MB.", env.worker_job_memory_mb, env.worker_memory_mb)
        return 1
    return Worker(slots, lambda number: Slot(number, env).run()).run()


class Worker:
    """Keeps the slots running, and passes SIGTERM on to them.

    `run_slot` begins with SIGTERM blocked, and unblocks it when it can stop.
    """

    def __init__(self, slots: int, run_slot: Callable[[int], None]) -> None:
        self._numbers = range(slots)
        self._run_slot = run_slot
        self._slots: dict[int, int] = {}
        """Slot numbers by process id."""
        self._is_stopping = False
        self._restarts = deque[float](maxlen=MOST_RESTARTS)

    def run(self) -> int:
        """Work until SIGTERM and return 0, or return 1 if slots end by themselves too often."""
        for each in _STOP_SIGNALS:
            signal.signal(each, self._stop)
        for number in self._numbers:
            self._start(number)
        has_failed = False
        while self._slots:
            pid, status = os.wait()
            number = self._slots.pop(pid, None)
            if number is None or self._is_stopping:
                continue
            log.error("Slot %d ended by itself, exit code %d.", number, os.waitstatus_to_exitcode(status))
            if self._may_restart():
                self._start(number)
            else:
                has_failed = True
                self._stop()
        return 1 if has_failed else 0

    def _may_restart(self) -> bool:
        now = time.monotonic()
        if len(self._restarts) == MOST_RESTARTS and now - self._restarts[0] < RESTARTS_WITHIN_SECONDS:
            return False
        self._restarts.append(now)
        return True

    def _start(self, number: int) -> None:
        # A signal that comes meanwhile waits until the new process is known here, and can stop there.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            if self._is_stopping:
                return
            worker, pid = os.getpid(), os.fork()
            if pid == 0:
                self._be_slot(number, worker)
            self._slots[pid] = number
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)

    def _be_slot(self, number: int, worker: int) -> None:
        try:
            end_with(worker)
            self._run_slot(number)
            os._exit(0)
        except BaseException:
            log.exception("Slot %d failed.", number)
        finally:
            os._exit(1)

    def _stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        self._is_stopping = True
        for pid in self._slots:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGTERM)


class Slot:
    """One process that runs one job at a time."""

    def __init__(self, number: int, env: WorkerEnvironment) -> None:
        self._env = env
        self._sign_of_life = sign_of_life(number)
        self._queue = JobQueue(boto3.client("sqs"), environment().queue_url)
        self._protection = TaskProtection.here()
        self._stops_at: float | None = None

    def run(self) -> None:
        """Take messages and run them until SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the worker passes on SIGTERM
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        while self._stops_at is None:
            self._sign_of_life.touch()
            try:
                message = self._queue.receive(POLL_SECONDS)
            except (ClientError, BotoCoreError):
                log.exception("No message could be received.")
                time.sleep(RECEIVE_RETRY_SECONDS)
                continue
            if message is None:
                continue
            if self._stops_at is None:
                self._work_on(message)
            else:  # it came after SIGTERM: another worker can begin it now
                self._queue.hide(message, 0)

    def _work_on(self, message: Message) -> None:
        self._protection.extend()
        ends_at = time.monotonic() + self._env.worker_job_seconds
        is_done = run_job(
            message,
            invocation_id=str(uuid.uuid4()),
            seconds_left=lambda: min(ends_at - time.monotonic(), self._seconds_until_killed()),
            isolated=self._isolated,
        )
        if is_done:
            self._queue.delete(message)

    def _isolated(self, work: Callable[[], str], seconds: float, while_working: Callable[[], None]) -> str:
        def watch() -> None:
            self._sign_of_life.touch()
            if self._seconds_until_killed() <= HAND_BACK_SECONDS:
                raise Interrupted("The worker stops before the job ends.")
            self._protection.extend()
            while_working()

        return run_in_child(lambda: _as_a_job(work), seconds, watch)

    def _seconds_until_killed(self) -> float:
        return float("inf") if self._stops_at is None else self._stops_at - time.monotonic()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stops_at = self._stops_at or time.monotonic() + self._env.worker_stop_seconds


def _as_a_job(work: Callable[[], str]) -> str:
    """Do the work in a process that signals end as usual, and that dies before the worker if memory runs out."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(_DIES_FIRST)
    return work()


if __name__ == "__main__":
    sys.exit(main())
