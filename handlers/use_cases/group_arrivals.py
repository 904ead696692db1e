"""The use case between arriving events and the queue of jobs: puts each event into its owner's message group."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from handlers.domain.errors import UnknownUpload
from handlers.storage.fair_queue import BATCH, NOBODY, FairQueue, GroupedMessage, group_of
from handlers.storage.object_events import ObjectEvent, events_in, grouped


class Arrival(NamedTuple):
    """A message of the queue of arrivals."""

    message_id: str
    body: str


def group_arrivals(arrivals: Iterable[Arrival], queue: FairQueue, now: datetime) -> list[str]:
    """Send each arrival on, and return the ids of those that must arrive again, because SQS did not take them.

    S3's own notifications become events, because a job reads nothing else. A message that cannot be read is sent on as
    well: the job that it starts fails, and it ends as a dead letter.
    """
    jobs = [(arrival.message_id, job) for arrival in arrivals for job in _jobs(arrival.body, now)]
    failed: dict[str, None] = {}
    for first in range(0, len(jobs), BATCH):
        batch = jobs[first : first + BATCH]
        failed |= {batch[position][0]: None for position in sorted(queue.send([job for _, job in batch]))}
    return list(failed)


def _jobs(body: str, now: datetime) -> list[GroupedMessage]:
    """Return the messages that an arrival becomes: none for S3's test of a notification."""
    try:
        events = events_in(body)
    except ValueError:
        return [GroupedMessage(body, NOBODY)]
    return [_job(event, now) for event in events]


def _job(event: Any, now: datetime) -> GroupedMessage:
    try:
        group = group_of(ObjectEvent.of(event).owner)
    except UnknownUpload:
        return GroupedMessage(json.dumps(event), NOBODY)
    return GroupedMessage(grouped(event, now), group)
