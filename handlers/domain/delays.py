"""When a message is delivered again, and when an upload that does not change is looked at."""

import math
from datetime import timedelta
from typing import NamedTuple, Self

FIRST_DELAY_SECONDS = 5

BACKOFF_RATE = 6
"""Each delay is so many times the one before."""

LONGEST_DELAY_SECONDS = 900

LONGEST_HIDDEN_SECONDS = 43_200
"""From a message's receipt on, with all extensions (SQS guide, "Amazon SQS visibility timeout")."""

LONGEST_FUNCTION_SECONDS = 900
"""Lambda's limit for one invocation (Lambda quotas)."""

LONGEST_JOB_SECONDS = LONGEST_HIDDEN_SECONDS - 1_200
"""Of a container. The rest of the 12 hours is for the start of a run, and for the delay after a try that failed."""

EVENT_DELAY = timedelta(minutes=5)
"""For an event on its way: S3's usually take seconds, sometimes a minute or more (S3 guide, "Event notifications")."""

LONGEST_WAIT = timedelta(days=1)
"""Between two looks at an upload that was requeued in vain."""


def retry_delay_seconds(attempt: int, max_attempts: int) -> int:
    """Return 5, 30, 180 and then 900 seconds; 0 after the last try, so that the dead letter is seen at once."""
    if attempt >= max_attempts:
        return 0
    return min(FIRST_DELAY_SECONDS * BACKOFF_RATE ** min(attempt - 1, 3), LONGEST_DELAY_SECONDS)


def meeting_delay_seconds(lease_seconds: float, own_seconds: float) -> int:
    """Return when a delivery that met another run's lease comes again, from what is left of the lease and of itself.

    The other run may work for as long as this one could, and each meeting uses up an attempt. If the other run is
    killed, its own message comes again at the end of its lease.
    """
    return max(1, math.ceil(max(lease_seconds, min(own_seconds, LONGEST_JOB_SECONDS))))


class Waits(NamedTuple):
    """How long reconcile_uploads leaves an upload as it is."""

    grace: timedelta
    """Before the first look: by then a message that is not lost was delivered, unless the queue is behind."""
    again_after: timedelta
    """Before the next look: by then a message that was sent at the first look has used up its deliveries."""

    @classmethod
    def of(cls, visibility_timeout_seconds: int, max_attempts: int, job_seconds: int) -> Self:
        """Derive the waits from the queue: how long it hides a message, and how often it delivers one.

        A message can also wait while each place has a job, for one job's time at most: otherwise the queue is behind.
        """
        longest = timedelta(seconds=max(visibility_timeout_seconds, LONGEST_DELAY_SECONDS, job_seconds))
        return cls(longest + EVENT_DELAY, min(longest * max_attempts + EVENT_DELAY, LONGEST_WAIT))

    def until_next(self, requeues: int) -> timedelta:
        """Return the time from one look to the next one at an upload that was requeued so often."""
        doublings = min(max(requeues - 1, 0), 10)  # a day is reached long before
        return min(self.again_after * 2**doublings, LONGEST_WAIT)
