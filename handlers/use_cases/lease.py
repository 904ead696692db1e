"""A run's lease on its upload: short, and renewed while the work goes on.

While the lease lasts, no other run can take the upload, and the queue hides the message. A run that is killed stops
renewing, so that another run takes over within a minute or so, however long one run may take.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.aws.client import AwsError, NoAnswer
from handlers.domain.declaration import UploadRequest
from handlers.domain.upload import UploadRef
from handlers.storage.job_queue import Delivery, JobQueue
from handlers.storage.upload_store import UploadStore

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_EVERY = timedelta(seconds=20)
"""Two renewals in a row may fail before a lease ends."""

RETRY_AFTER = timedelta(seconds=5)
"""Between renewals that fail."""

CLOCK_MARGIN = timedelta(seconds=5)
"""Added to each lease, because two machines' clocks differ, and Lambda takes a moment to end a process."""


class LeaseLost(Exception):
    """The run does not have the upload any more: its outcome would not be recorded."""


@dataclass
class Lease:
    """One run's lease."""

    ref: UploadRef
    delivery: Delivery
    records: UploadStore
    renewals: UploadStore
    """The same records with short timeouts: a renewal that waits would delay the deadline of the work."""
    queue: JobQueue
    clock: Callable[[], datetime]
    seconds_left: Callable[[], float]
    """Until the process is ended from outside."""
    _until: datetime = field(init=False)
    _renew_at: datetime | None = field(init=False, default=None)
    """None where the lease lasts as long as the process."""

    def take(self) -> UploadRequest | None:
        """Return what was declared, or None where the upload is done or leased to another run."""
        until = self._next(self.clock())
        declared = self.records.record_processing(
            self.ref, self.clock(), run=self.delivery.run, leased_until=until, version_id=self.delivery.version_id
        )
        if declared:
            self._hold(until)
        return declared

    def renew(self) -> bool:
        """Begin the lease's time again; False where another run has the upload."""
        until = self._next(self.clock())
        is_held = self.records.change_lease(self.ref, until, run_id=self.delivery.run.run_id)
        if is_held:
            self._hold(until)
        return is_held

    def renew_if_due(self) -> None:
        """Renew the lease from time to time; raises LeaseLost. Call it every second or more often during the work."""
        now = self.clock()
        if self._renew_at is None or now < self._renew_at:
            return
        until = self._next(now)
        try:
            is_held = self.renewals.change_lease(self.ref, until, run_id=self.delivery.run.run_id)
        except (AwsError, NoAnswer) as error:
            if now >= self._until - CLOCK_MARGIN:
                raise LeaseLost("The lease could not be renewed before its end.") from error
            log.warning("The lease could not be renewed: %s", error)
            self._renew_at = now + RETRY_AFTER
            return
        if not is_held:
            raise LeaseLost("Another run has the upload.")
        self._hold(until)

    def give_back(self) -> None:
        """End the lease now, so that the next run need not wait for its end."""
        self.records.change_lease(self.ref, self.clock(), run_id=self.delivery.run.run_id)

    def _next(self, now: datetime) -> datetime:
        left = timedelta(seconds=min(self.seconds_left(), LEASE.total_seconds()))
        return now + left + CLOCK_MARGIN

    def _hold(self, until: datetime) -> None:
        now = self.clock()
        lasts_as_long_as_the_process = self.seconds_left() <= LEASE.total_seconds()
        self._until, self._renew_at = until, None if lasts_as_long_as_the_process else now + RENEW_EVERY
        # Up to the next whole second: the next run must find that the lease is over.
        self.queue.hide(self.delivery.message, max(1, math.ceil((until - now).total_seconds())))
