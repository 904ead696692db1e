"""Threads that send parts, each over a connection of its own."""

import threading
import time
from collections.abc import Callable

from client.concurrency import Concurrency
from client.errors import PortageError, S3Refused
from client.retry import has_expired, patiently
from client.sending import Sender, Trust
from client.source import SourceFile
from client.state import SentParts
from client.tuning import Tuning
from client.worklist import SignedPart, Worklist, is_too_old

_TICK_SECONDS = 0.1
_FAREWELL_SECONDS = 5.0


class _Dismissed(Exception):
    """The crew was stopped while this thread worked."""


class Crew:
    """As many threads as pay, until the worklist is empty."""

    def __init__(
        self, work: Worklist, source: SourceFile, sent: SentParts, tuning: Tuning, concurrency: Concurrency
    ) -> None:
        self.work = work
        self.source = source
        self.tuning = tuning
        self.trust = Trust()
        """Of all connections."""
        self.sent_parts = 0
        self.sent_bytes = 0
        """In whole parts and in those under way."""
        self.stopped = threading.Event()
        self._moved_bytes = 0  # with what was in vain: it measures the line
        self._sent = sent
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._workers: set[_Worker] = set()
        self._fault: BaseException | None = None

    @property
    def connections(self) -> int:
        """How many threads send."""
        return len(self._workers)

    def run(self, tick: Callable[[], None]) -> None:
        """Send everything; the first fault that does not pass ends all. `tick` is called by this thread, often."""
        try:
            while True:
                with self._lock:
                    self._concurrency.observe(time.monotonic(), self._moved_bytes)
                    self._hire()
                    is_done = not self._workers
                tick()
                if self._fault is not None:
                    raise self._fault
                if is_done:
                    return
                self._wake.wait(_TICK_SECONDS)
                self._wake.clear()
        finally:
            self._dismiss()

    def may_go_on(self, worker: "_Worker") -> bool:
        """Whether a thread is still needed; one that is not leaves."""
        with self._lock:
            if not self.stopped.is_set() and len(self._workers) <= self._concurrency.limit:
                return True
            self._workers.discard(worker)
            return False

    def note_sent(self, count: int) -> None:
        """Take note of bytes that left."""
        with self._lock:
            self.sent_bytes += count
            self._moved_bytes += count

    def note_lost(self, count: int) -> None:
        """Take note of bytes that left in vain."""
        with self._lock:
            self.sent_bytes -= count

    def note_part(self, number: int, etag: str) -> None:
        """Take note of a part that S3 has."""
        with self._lock:
            self.sent_parts += 1
            self._sent.note(number, etag)

    def note_fault(self, _: PortageError) -> None:
        """Take note of a fault that may pass."""
        with self._lock:
            self._concurrency.fault()

    def note_end(self, worker: "_Worker", fault: BaseException | None) -> None:
        """Take note of a thread that ends."""
        with self._lock:
            self._workers.discard(worker)
            self._fault = self._fault or fault
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the crew."""
        if self.stopped.wait(seconds):
            raise _Dismissed

    def _hire(self) -> None:
        if self._fault is not None:
            return
        for _ in range(min(self._concurrency.limit - len(self._workers), self.work.parts_left)):
            worker = _Worker(self)
            self._workers.add(worker)
            worker.start()

    def _dismiss(self) -> None:
        self.stopped.set()
        with self._lock:
            workers = list(self._workers)
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
            for worker in workers:
                worker.interrupt()  # again and again: between two connections there is nothing to interrupt
                worker.join(_TICK_SECONDS / len(workers))


class _Worker(threading.Thread):
    def __init__(self, crew: Crew) -> None:
        super().__init__(name="portage-part", daemon=True)
        self._crew = crew
        self._sender: Sender | None = None
        self._in_flight = 0

    def interrupt(self) -> None:
        if self._sender is not None:
            self._sender.interrupt()

    def run(self) -> None:
        fault: BaseException | None = None
        try:
            with Sender(self._crew.source, self._crew.tuning.silence_seconds, self._crew.trust) as sender:
                self._sender = sender
                self._send_parts(sender)
        except _Dismissed:
            pass
        except BaseException as error:  # noqa: BLE001 - the thread that waits for this one raises it
            fault = error
        self._crew.note_end(self, fault)

    def _send_parts(self, sender: Sender) -> None:
        crew = self._crew
        while crew.may_go_on(self):
            part = patiently(crew.work.take, crew.tuning.backoff, crew.pause, crew.note_fault)
            if part is None:
                return
            self._send_patiently(sender, part)

    def _send_patiently(self, sender: Sender, part: SignedPart) -> None:
        crew = self._crew

        def send() -> str:
            nonlocal part
            if is_too_old(part):
                part = crew.work.sign_again(part)
            try:
                return self._send(sender, part)
            except S3Refused as refused:
                if not has_expired(refused):
                    raise
            part = crew.work.sign_again(part)
            return self._send(sender, part)

        crew.note_part(part.number, patiently(send, crew.tuning.backoff, crew.pause, crew.note_fault))

    def _send(self, sender: Sender, part: SignedPart) -> str:
        """Send a part once, and return its ETag."""
        self._in_flight = 0
        try:
            return sender.store(part.request, self._note)
        except BaseException:
            self._crew.note_lost(self._in_flight)
            raise

    def _note(self, sent: int) -> None:
        self._crew.note_sent(sent - self._in_flight)
        self._in_flight = sent
        if self._crew.stopped.is_set():
            raise _Dismissed
