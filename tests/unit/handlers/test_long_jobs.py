"""The lease of a job that takes as long as a container may."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from components.compute.fargate import VISIBILITY_SECONDS
from handlers.domain.delays import LONGEST_HIDDEN_SECONDS, LONGEST_JOB_SECONDS
from handlers.domain.upload import Run
from handlers.domain.upload_ref import UploadRef
from handlers.processors.progress import ProgressBoard
from handlers.storage.job_queue import Delivery, Message
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.lease import (
    LAST_RENEWAL_SECONDS,
    LEASE,
    RENEW_EVERY_SECONDS,
    Bounds,
    Lease,
    LeaseNotRenewed,
    Renewals,
)

RECEIVED_AT = datetime(2026, 11, 26, tzinfo=UTC)
REF = UploadRef("owner", "0198")
MESSAGE = Message("message", "receipt", 1, "{}", RECEIVED_AT)
DELIVERY = Delivery(Run("event", "run", RECEIVED_AT), MESSAGE, "bucket", REF.object_key, "version")


@dataclass
class World:
    """A clock, and a table and a queue that keep what they get."""

    passed: float = 0.0
    """Seconds since the message was received."""
    leased_until: datetime = RECEIVED_AT
    hidden_until: list[float] = field(default_factory=list[float])
    """Seconds after the receipt."""
    is_reachable: bool = True

    def now(self) -> datetime:
        return RECEIVED_AT + timedelta(seconds=self.passed)

    def record_processing(self, *_: object, leased_until: datetime, **_more: object) -> object:
        self.leased_until = leased_until
        return object()

    def change_lease(self, _ref: UploadRef, leased_until: datetime, **_: object) -> bool:
        if not self.is_reachable:
            raise ConnectionError
        self.leased_until = leased_until
        return True

    def hide(self, message: Message, seconds: int) -> None:
        assert message is MESSAGE
        self.hidden_until.append(self.passed + seconds)


@pytest.fixture
def world() -> World:
    # The run begins as late as the queue's own visibility timeout allows.
    return World(passed=VISIBILITY_SECONDS)


@pytest.fixture
def lease(world: World) -> Lease:
    ends_at = world.passed + LONGEST_JOB_SECONDS
    records = cast("UploadStore", cast("Any", world))
    return Lease(
        REF,
        DELIVERY,
        records=records,
        queue=world,
        renewals=Renewals(records, world),
        clock=world.now,
        bounds=Bounds(
            lambda: ends_at - world.passed, seconds=lambda: world.passed, within=lambda call, _seconds: call()
        ),
        progress=ProgressBoard(),
    )


def test_it_lasts_until_the_job_ends_and_sqs_can_hide_the_message_as_long(world: World, lease: Lease) -> None:
    lease.take()
    began_at = world.passed

    while world.passed < began_at + LONGEST_JOB_SECONDS:
        lease.renew_if_due()
        assert world.leased_until > world.now()
        assert world.hidden_until[-1] > world.passed
        world.passed += RENEW_EVERY_SECONDS

    assert max(world.hidden_until) <= LONGEST_HIDDEN_SECONDS
    assert world.leased_until > world.now(), "the result can be recorded"


def test_it_is_not_renewed_in_the_last_seconds_that_are_for_the_end_of_the_work(world: World, lease: Lease) -> None:
    lease.take()
    ends_at = world.passed + LONGEST_JOB_SECONDS
    world.passed = ends_at - LEASE.total_seconds() - 1
    lease.renew_if_due()
    renewed_until = world.leased_until

    world.passed = ends_at - LAST_RENEWAL_SECONDS + 1
    lease.renew_if_due()

    assert world.leased_until == renewed_until > RECEIVED_AT + timedelta(seconds=ends_at)


def test_it_ends_within_a_minute_or_so_in_the_middle_of_a_job_of_hours(world: World, lease: Lease) -> None:
    lease.take()
    world.passed += LONGEST_JOB_SECONDS / 2
    world.is_reachable = False

    with pytest.raises(LeaseNotRenewed):
        lease.renew_if_due()
