"""Follows an upload until it ends."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from client.errors import NotFinished
from client.models import Upload


@dataclass(frozen=True)
class Pace:
    """The polling interval: short after each change, then increasing."""

    first_wait_seconds: float = 0.1
    longest_wait_seconds: float = 2.0
    growth: float = 1.5


def follow(
    get: Callable[[str], Upload],
    upload_id: str,
    timeout_seconds: float,
    *,
    pace: Pace = Pace(),
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Upload]:
    """Yield the upload as it is now, then again after each change, until it is finished.

    Several changes between two requests are one item; `version` counts them. Raises NotFinished, a TimeoutError, if
    the upload is not finished in time.
    """
    deadline = clock() + timeout_seconds
    seen_version = -1
    wait_seconds = pace.first_wait_seconds
    while True:
        upload = get(upload_id)
        if upload.version != seen_version:
            yield upload
            seen_version = upload.version
            wait_seconds = pace.first_wait_seconds
        if upload.is_finished:
            return
        left_seconds = deadline - clock()
        if left_seconds <= 0:
            raise NotFinished(
                f"upload {upload_id} was still {upload.status} after {timeout_seconds:g} s: "
                "follow it again for longer, or ask the operator to look at it"
            )
        sleep(min(wait_seconds, left_seconds))
        wait_seconds = min(wait_seconds * pace.growth, pace.longest_wait_seconds)
