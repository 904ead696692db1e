"""Threads that send parts, each with its own connection."""

import threading
import time
from collections.abc import Callable

from ..errors import PortageError, S3Refused
from ..retry import has_expired, with_retries
from ..transport import Trust
from .config import TransferConfig
from .part_queue import PartQueue, SignedPart, is_too_old
from .s3 import Sender
from .state import SentParts

_TICK_SECONDS = 0.1
_STOP_SECONDS = 5.0

_GROWTH = 1.5
_WORTH = 1.1  # the least speed-up that justifies more connections
_FIRST_HOLD_WINDOWS = 5
_LONGEST_HOLD_WINDOWS = 40


class Concurrency:
    """Adds connections while throughput increases. Throughput is measured in windows of time.

    A step without effect is reversed, and repeated at increasing intervals. An error halves the number, once in a
    window, because connections that fail together have one cause.
    """

    def __init__(self, first: int = 4, most: int = 16, window_seconds: float = 1.5) -> None:
        self.limit = min(first, most)
        self._most = most
        self._window_seconds = window_seconds
        self._window: tuple[float, int] | None = None
        self._before: tuple[int, float] | None = None
        self._held_windows = 0
        self._next_hold = _FIRST_HOLD_WINDOWS
        self._has_failed = False

    def observe(self, now: float, sent_bytes: int) -> None:
        """Record the number of bytes that all connections have sent."""
        if self._window is None:
            self._window = (now, sent_bytes)
            return
        begun, sent_before = self._window
        if now - begun < self._window_seconds:
            return
        self._window = (now, sent_bytes)
        if self._has_failed:
            self._has_failed = False
        else:
            self._judge(max(0, sent_bytes - sent_before) / (now - begun))

    def record_error(self) -> None:
        """Record that a connection failed or S3 asked to slow down."""
        if self._has_failed:
            return
        self._has_failed = True
        self.limit = max(1, self.limit // 2)
        self._before = None
        self._held_windows = _FIRST_HOLD_WINDOWS

    def _judge(self, rate: float) -> None:
        if self._before is not None:
            former_limit, former_rate = self._before
            self._before = None
            if rate < former_rate * _WORTH:
                self.limit = former_limit
                self._held_windows = self._next_hold
                self._next_hold = min(self._next_hold * 2, _LONGEST_HOLD_WINDOWS)
                return
            self._next_hold = _FIRST_HOLD_WINDOWS
        if self._held_windows:
            self._held_windows -= 1
        elif self.limit < self._most:
            self._before = (self.limit, rate)
            self.limit = min(self._most, max(self.limit + 1, int(self.limit * _GROWTH)))


class _Stopped(Exception):
    """The pool was stopped while this thread was working."""


class WorkerPool:
    """Runs as many threads as increase throughput, until the queue is empty."""

    def __init__(
        self,
        queue: PartQueue,
        sent: SentParts,
        config: TransferConfig,
        concurrency: Concurrency,
        *,
        trust: Trust,
    ) -> None:
        self.queue = queue
        self.source = queue.job.source
        self.config = config
        self.trust = trust
        """Shared by all connections."""
        self.sent_parts = 0
        self.sent_bytes = 0
        """Includes parts that are not complete."""
        self.stopped = threading.Event()
        self._moved_bytes = 0  # includes failed attempts, because it measures throughput
        self._sent = sent
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._workers: set[_Worker] = set()
        self._error: BaseException | None = None

    @property
    def connections(self) -> int:
        """The number of threads."""
        return len(self._workers)

    def run(self, tick: Callable[[], None]) -> None:
        """Send all parts. The first permanent error stops all threads. Calls `tick` often, in this thread."""
        try:
            while True:
                with self._lock:
                    self._concurrency.observe(time.monotonic(), self._moved_bytes)
                    self._start_workers()
                    is_done = not self._workers
                tick()
                if self._error is not None:
                    raise self._error
                if is_done:
                    return
                self._wake.wait(_TICK_SECONDS)
                self._wake.clear()
        finally:
            self._stop_workers()

    def may_go_on(self, worker: "_Worker") -> bool:
        """Whether a thread is still needed. Removes it from the pool if not."""
        with self._lock:
            if not self.stopped.is_set() and len(self._workers) <= self._concurrency.limit:
                return True
            self._workers.discard(worker)
            return False

    def record_sent(self, count: int) -> None:
        """Record bytes that were sent."""
        with self._lock:
            self.sent_bytes += count
            self._moved_bytes += count

    def record_lost(self, count: int) -> None:
        """Record bytes of a failed attempt."""
        with self._lock:
            self.sent_bytes -= count

    def record_part(self, number: int, etag: str) -> None:
        """Record a part that S3 has stored."""
        with self._lock:
            self.sent_parts += 1
            self._sent.note(number, etag)

    def note_error(self, _: PortageError) -> None:
        """Record a transient error."""
        with self._lock:
            self._concurrency.record_error()

    def record_end(self, worker: "_Worker", error: BaseException | None) -> None:
        """Record the end of a thread."""
        with self._lock:
            self._workers.discard(worker)
            self._error = self._error or error
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Wait. Raises _Stopped as soon as the pool is stopped."""
        if self.stopped.wait(seconds):
            raise _Stopped

    def _start_workers(self) -> None:
        if self._error is not None:
            return
        for _ in range(min(self._concurrency.limit - len(self._workers), self.queue.parts_left)):
            worker = _Worker(self)
            self._workers.add(worker)
            worker.start()

    def _stop_workers(self) -> None:
        self.stopped.set()
        with self._lock:
            workers = list(self._workers)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
            for worker in workers:
                worker.interrupt()  # repeatedly, because a thread between two connections cannot be interrupted
                worker.join(_TICK_SECONDS / len(workers))


class _Worker(threading.Thread):
    def __init__(self, pool: WorkerPool) -> None:
        super().__init__(name="portage-part", daemon=True)
        self._pool = pool
        self._sender: Sender | None = None
        self._in_flight = 0

    def interrupt(self) -> None:
        if self._sender is not None:
            self._sender.interrupt()

    def run(self) -> None:
        failure: BaseException | None = None
        try:
            with Sender(self._pool.source, self._pool.config.silence_seconds, self._pool.trust) as sender:
                self._sender = sender
                self._send_parts(sender)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            failure = error
        self._pool.record_end(self, failure)

    def _send_parts(self, sender: Sender) -> None:
        pool = self._pool
        while pool.may_go_on(self):
            part = with_retries(pool.queue.take, pool.config.retry, pool.pause, pool.note_error)
            if part is None:
                return
            self._send_with_retries(sender, part)

    def _send_with_retries(self, sender: Sender, part: SignedPart) -> None:
        pool = self._pool

        def send() -> str:
            nonlocal part
            if is_too_old(part):
                part = pool.queue.sign_again(part)
            try:
                return self._send(sender, part)
            except S3Refused as refused:
                if not has_expired(refused):
                    raise
            part = pool.queue.sign_again(part)
            return self._send(sender, part)

        pool.record_part(part.number, with_retries(send, pool.config.retry, pool.pause, pool.note_error))

    def _send(self, sender: Sender, part: SignedPart) -> str:
        """Send a part once, and return its ETag."""
        self._in_flight = 0
        try:
            return sender.store(part.request, self._note)
        except BaseException:
            self._pool.record_lost(self._in_flight)
            raise

    def _note(self, sent: int) -> None:
        self._pool.record_sent(sent - self._in_flight)
        self._in_flight = sent
        if self._pool.stopped.is_set():
            raise _Stopped
