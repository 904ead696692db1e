"""A run's lease on its upload: short, and renewed while the work goes on.

While the lease lasts, no other run can take the upload, and the queue hides the message. A run that is killed stops
renewing, so that another run takes over within a minute or so, however long one run may take.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.domain.declaration import UploadRequest
from handlers.domain.upload_ref import UploadRef
from handlers.processors.progress import ProgressBoard
from handlers.storage.job_queue import Delivery, Hides
from handlers.storage.upload_store import UploadStore

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
CLOCK_MARGIN = timedelta(seconds=5)
"""Added to each lease, because two machines' clocks differ, and Lambda takes a moment to end a process."""

RENEW_EVERY_SECONDS = 20.0
"""Two renewals in a row may fail before a lease ends."""

RETRY_SECONDS = 5.0
"""Between renewals that fail."""

RENEWAL_SECONDS = 4.0
"""For one renewal, DNS and slow answers included."""

LAST_RENEWAL_SECONDS = 15.0
"""With less time left, nothing is renewed: a renewal that takes long must not delay the deadline of the work.

A lease that was renewed in the last minute lasts until the process ends then.
"""


class LeaseLost(Exception):
    """Another run has the upload: this run's outcome would not be recorded."""


class LeaseNotRenewed(Exception):
    """The lease could not be renewed before its end."""


@dataclass(frozen=True)
class Renewals:
    """Table and queue by clients of their own, for calls in another process: it must share no connection with this."""

    records: UploadStore
    queue: Hides


@dataclass(frozen=True)
class Bounds:
    """The time that a run has, and how a call is kept within it."""

    seconds_left: Callable[[], float]
    """Until the process is ended from outside."""
    seconds: Callable[[], float]
    """A clock that never jumps."""
    within: Callable[[Callable[[], str], float], str]
    """Calls a function in a process of its own that is killed after this many seconds."""


@dataclass
class Repeated:
    """Calls a function every 20 seconds while work goes on, each time within 4 seconds."""

    call: Callable[[], str]
    bounds: Bounds
    _due_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.postpone(RENEW_EVERY_SECONDS)

    def postpone(self, seconds: float) -> None:
        """Make the next call in so many seconds."""
        self._due_at = self.bounds.seconds() + seconds

    def call_if_due(self) -> str | None:
        """Return what the function returned, or None if it was not called or has failed; then it is called sooner."""
        if self.bounds.seconds() < self._due_at or self.bounds.seconds_left() < LAST_RENEWAL_SECONDS:
            return None
        try:
            answer = self.bounds.within(self.call, RENEWAL_SECONDS)
        except Exception:
            log.warning("A renewal failed.", exc_info=True)
            self.postpone(RETRY_SECONDS)
            return None
        self.postpone(RENEW_EVERY_SECONDS)
        return answer


_RENEWED, _LOST = "renewed", "lost"


@dataclass
class Lease:
    """One run's lease."""

    ref: UploadRef
    delivery: Delivery
    records: UploadStore
    queue: Hides
    renewals: Renewals
    clock: Callable[[], datetime]
    bounds: Bounds
    progress: ProgressBoard
    """Recorded with each renewal."""
    _ends_at: float = field(init=False, default=0.0)
    _renewal: Repeated | None = field(init=False, default=None)
    """None where the lease lasts as long as the process."""

    def take(self) -> UploadRequest | None:
        """Return what was declared, or None where the upload is done or leased to another run."""
        now, seconds = self.clock(), self._seconds()
        declared = self.records.record_processing(
            self.ref, now, run=self.delivery.run, leased_until=_end(now, seconds), version_id=self.delivery.version_id
        )
        if declared:
            self._hold(seconds)
            self.queue.hide(self.delivery.message, _hidden_for(seconds))
        return declared

    def renew(self) -> bool:
        """Begin the lease's time again; False where another run has the upload."""
        now, seconds = self.clock(), self._seconds()
        is_held = self.records.change_lease(self.ref, _end(now, seconds), run_id=self.delivery.run.run_id)
        if is_held:
            self._hold(seconds)
            self.queue.hide(self.delivery.message, _hidden_for(seconds))
        return is_held

    def renew_if_due(self) -> None:
        """Renew the lease from time to time; raises LeaseLost or LeaseNotRenewed.

        Call it every second or more often during the work.
        """
        if self._renewal is None:
            return
        seconds = self._seconds()
        answer = self._renewal.call_if_due()
        if answer == _LOST:
            raise LeaseLost("Another run has the upload.")
        if answer == _RENEWED:
            self._hold(seconds)
        elif self.bounds.seconds() >= self._ends_at:
            raise LeaseNotRenewed("The lease could not be renewed before its end.")

    def give_back(self) -> None:
        """End the lease now, so that the next run need not wait for its end."""
        self.records.change_lease(self.ref, self.clock(), run_id=self.delivery.run.run_id)

    def leave(self, seconds: float) -> None:
        """Let the lease last for so many seconds from now, for the job's next run."""
        self.records.change_lease(self.ref, _end(self.clock(), seconds), run_id=self.delivery.run.run_id)

    def _renew_elsewhere(self) -> str:
        now, seconds = self.clock(), self._seconds()
        if not self.renewals.records.change_lease(
            self.ref, _end(now, seconds), run_id=self.delivery.run.run_id, progress=self.progress.read()
        ):
            return _LOST
        self.renewals.queue.hide(self.delivery.message, _hidden_for(seconds))
        return _RENEWED

    def _seconds(self) -> float:
        return min(self.bounds.seconds_left(), LEASE.total_seconds())

    def _hold(self, seconds: float) -> None:
        self._ends_at = self.bounds.seconds() + seconds
        lasts_as_long_as_the_process = self.bounds.seconds_left() <= seconds
        self._renewal = None if lasts_as_long_as_the_process else Repeated(self._renew_elsewhere, self.bounds)


def keep_hidden(delivery: Delivery, queue: Hides, bounds: Bounds) -> Callable[[], None]:
    """Return a function that hides a message while work goes on that has no lease, such as putting an object away."""

    def hide() -> str:
        queue.hide(delivery.message, _hidden_for(min(bounds.seconds_left(), LEASE.total_seconds())))
        return ""

    repeated = Repeated(hide, bounds)
    repeated.postpone(0)

    def hide_if_due() -> None:
        repeated.call_if_due()

    return hide_if_due


def _end(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds) + CLOCK_MARGIN


def _hidden_for(seconds: float) -> int:
    """Up to the next whole second after the lease: the next run must find that it is over."""
    return max(1, math.ceil(seconds + CLOCK_MARGIN.total_seconds()))
