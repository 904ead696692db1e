"""Threads that send parts, each with its own connection."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from typing import Protocol

from ..errors import PortageError, S3Refused
from ..retry import OnError, has_expired, with_retries
from ..transport import Trust
from .config import Concurrency, TransferConfig
from .s3 import OnSent, Sender, SignedPart, is_too_old
from .source import Source

_TICK_SECONDS = 0.1
_STOP_SECONDS = 5.0


class _Stopped(Exception):
    """The pool was stopped while this thread was working."""


class Queue(Protocol):
    """Returns the parts to send. PartQueue is one."""

    @property
    def source(self) -> Source:
        """What has their bytes."""
        ...

    @property
    def stopped(self) -> threading.Event:
        """Set when no more parts are to be sent."""
        ...

    @property
    def parts_left(self) -> int:
        """Parts that no thread has taken yet."""
        ...

    def take(self) -> SignedPart | None:
        """Return the next part, or None if none is left."""
        ...

    def sign_again(self, part: SignedPart) -> SignedPart:
        """Return a part with a new signature."""
        ...


class Notes(Protocol):
    """Remembers which parts were sent. SentParts is one."""

    def note(self, number: int, etag: str) -> None:
        """Note a part that was sent."""
        ...

    def sending(self, pause: Callable[[float], None]) -> AbstractContextManager[None]:
        """Send and note a part meanwhile."""
        ...


class WorkerPool:
    """Runs as many threads as increase throughput, until the queue is empty."""

    def __init__(
        self,
        queue: Queue,
        sent: Notes,
        config: TransferConfig,
        concurrency: Concurrency,
        *,
        trust: Trust,
        on_error: OnError,
    ) -> None:
        self.queue = queue
        self.source = queue.source
        self.config = config
        self.trust = trust
        """Shared by all connections."""
        self.sent_parts = 0
        self.sent_bytes = 0
        """Includes parts that are not complete."""
        self.stopped = queue.stopped
        self._moved_bytes = 0  # includes failed attempts, because it measures throughput
        self._sent = sent
        self._on_error = on_error
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

    def store(self, part: SignedPart, sender: Sender, on_sent: OnSent) -> None:
        """Send a part once, and note it."""
        with self._sent.sending(self.pause):
            etag = sender.store(part.request, on_sent)
            with self._lock:
                self.sent_parts += 1
                self._sent.note(part.number, etag)

    def note_error(self, error: PortageError) -> None:
        """Record and report a transient error. Raises _Stopped if the pool was stopped, which ends connections."""
        if self.stopped.is_set():
            raise _Stopped
        with self._lock:
            self._concurrency.record_error()
        self._on_error(error)  # without the lock: what it writes to may be slow

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
            with closing(Sender(self._pool.source, self._pool.config.silence_seconds, self._pool.trust)) as sender:
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

        def send() -> None:
            nonlocal part
            if is_too_old(part):
                part = pool.queue.sign_again(part)
            try:
                self._send(sender, part)
            except S3Refused as refused:
                if not has_expired(refused):
                    raise
                part = pool.queue.sign_again(part)
                self._send(sender, part)

        with_retries(send, pool.config.retry, pool.pause, pool.note_error)

    def _send(self, sender: Sender, part: SignedPart) -> None:
        self._in_flight = 0
        try:
            self._pool.store(part, sender, self._note)
        except BaseException:
            self._pool.record_lost(self._in_flight)
            raise

    def _note(self, sent: int) -> None:
        self._pool.record_sent(sent - self._in_flight)
        self._in_flight = sent
        if self._pool.stopped.is_set():
            raise _Stopped
