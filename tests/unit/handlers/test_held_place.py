"""What starts workflows waits for each one, and no longer than a workflow can have its upload."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from handlers.aws.boto3_json import Boto3Json
from handlers.domain.times import iso
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.held_place import FIRST_LEASE, LOOK_SECONDS, HeldPlace
from tests.support.aws.moto_cloud import CREATED, REF, TABLE, Cloud

Change = Callable[[], object]
VERSION = "v1"
FIRST = FIRST_LEASE.total_seconds()


def at(seconds: float) -> datetime:
    return CREATED + timedelta(seconds=seconds)


def held_seconds(cloud: Cloud, changes: dict[float, Change] | None = None, *, time: float = 890) -> float:
    """How long a place is held, while the upload changes after some seconds."""
    passed, waiting = 0.0, dict(changes or {})

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        for each in [each for each in waiting if each <= passed]:
            waiting.pop(each)()

    HeldPlace(
        UploadStore(Boto3Json(cloud.dynamodb), TABLE),
        clock=lambda: at(passed),
        sleep=sleep,
        seconds_left=lambda: time - passed,
    ).hold(REF, VERSION)
    return passed


def ends(cloud: Cloud, status: str, seconds: float) -> Change:
    return lambda: cloud.write_record(status=status, updated_at=iso(at(seconds)))


def leased(cloud: Cloud, until: float) -> Change:
    return lambda: cloud.write_record(status="processing", leased_until=iso(at(until)))


@pytest.mark.parametrize("status", ["completed", "failed", "rejected"])
def test_until_the_upload_has_ended(cloud: Cloud, status: str) -> None:
    cloud.write_record()
    assert held_seconds(cloud, {2: leased(cloud, 60), 10: ends(cloud, status, 10)}) == 10


def test_for_as_long_as_the_lease_is_renewed(cloud: Cloud) -> None:
    cloud.write_record()
    assert held_seconds(cloud, {2: leased(cloud, 65), 60: leased(cloud, 120)}) == 120


def test_a_workflow_that_was_stopped_gives_its_place_back_when_its_lease_is_over(cloud: Cloud) -> None:
    leased(cloud, 85)()
    assert 85 <= held_seconds(cloud) <= 85 + LOOK_SECONDS


def test_a_workflow_that_never_begins_gives_its_place_back(cloud: Cloud) -> None:
    cloud.write_record()
    assert held_seconds(cloud) == FIRST


def test_an_event_of_an_upload_that_has_ended_takes_no_place(cloud: Cloud) -> None:
    ends(cloud, "completed", -100)()
    assert held_seconds(cloud) == 0


def test_a_redrive_of_an_upload_that_has_failed_takes_one(cloud: Cloud) -> None:
    ends(cloud, "failed", -100)()
    assert held_seconds(cloud, {4: leased(cloud, 65), 20: ends(cloud, "failed", 20)}) == 20


def test_another_version_than_the_uploads_takes_none_while_that_one_is_processed(cloud: Cloud) -> None:
    cloud.write_record(status="processing", leased_until=iso(at(500)), object_version="the first one")
    assert held_seconds(cloud) == 0


def test_the_uploads_own_version_takes_one(cloud: Cloud) -> None:
    cloud.write_record(status="processing", leased_until=iso(at(85)), object_version=VERSION)
    assert held_seconds(cloud) >= 85


def test_an_unknown_upload_takes_none(cloud: Cloud) -> None:
    assert held_seconds(cloud) == 0


def test_the_function_ends_in_time(cloud: Cloud) -> None:
    leased(cloud, 10_000)()
    assert 20 - LOOK_SECONDS <= held_seconds(cloud, time=20) <= 20
