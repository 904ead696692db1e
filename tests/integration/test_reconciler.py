"""One run of the reconciler ends what nothing else would: by its own role, in the deployed system.

The function's newest version does not wait before its first look. The schedule invokes another one, the live alias's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.domain.upload import MULTIPART_LIFETIME
from tests.integration.conftest import DeployWith
from tests.support.deployment.reconciler import change_newest_version, change_record, reconcile, reconciler_of
from tests.support.deployment.system import System, User, eventually, put

TWO_DAYS = timedelta(days=2)


@pytest.fixture(scope="module")
def stuck_system(deploy_one_try: DeployWith) -> System:
    """One try an upload: a run that is killed leaves its message in the dead-letter queue."""
    system = deploy_one_try("reconcile")
    change_newest_version(system, GRACE_SECONDS="0", AGAIN_AFTER_SECONDS="60")
    return system


@pytest.fixture(scope="module")
def sender(stuck_system: System) -> User:
    return stuck_system.new_user()


@pytest.fixture(scope="module", autouse=True)
def killed(stuck_system: System, sender: User) -> str:
    """An upload with a run that is killed: sent first, so that its lease ends while the other tests run."""
    upload_id = stuck_system.send(sender, file_name="kills.bin")
    stuck_system.await_status(sender, upload_id, "processing")
    return upload_id


@pytest.fixture
def without_events(stuck_system: System) -> Iterator[None]:
    """S3's events are dropped until the test ends."""
    rule = stuck_system.resource_id("EventRule", "processing-object-events")
    events = stuck_system.emulator.client("events")
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


def places_of(system: System, upload_id: str) -> list[Any]:
    """Return the places that an upload holds."""
    return system.emulator.client("dynamodb").scan(
        TableName=system.outputs["uploadsTable"],
        FilterExpression="held_by = :upload_id AND held_until > :over",
        ExpressionAttributeValues={":upload_id": {"S": upload_id}, ":over": {"N": "0"}},
        ConsistentRead=True,
    )["Items"]


@pytest.mark.usefixtures("without_events")
def test_an_upload_with_a_lost_event_is_completed(stuck_system: System, sender: User) -> None:
    upload_id = stuck_system.send(sender)
    assert stuck_system.status(sender, upload_id)["status"] == "pending"
    reconcile(stuck_system)
    stuck_system.await_status(sender, upload_id, "completed")


def test_an_abandoned_put_expires_and_a_late_object_is_put_away(stuck_system: System, sender: User) -> None:
    plan = stuck_system.create(sender)
    upload_id = plan["upload_id"]
    assert len(places_of(stuck_system, upload_id)) == 1
    change_record(stuck_system, upload_id, expires_at=datetime.now(UTC) - TWO_DAYS)

    reconcile(stuck_system)

    assert stuck_system.status(sender, upload_id)["status"] == "expired"
    assert places_of(stuck_system, upload_id) == []
    assert put(plan, b"12345").status == 200  # the URL is as old as before
    s3, bucket = stuck_system.emulator.client("s3"), stuck_system.outputs["ingestBucket"]

    def versions() -> list[str]:
        return [each["Key"] for each in s3.list_object_versions(Bucket=bucket).get("Versions", [])]

    eventually(versions, lambda keys: not any(key.endswith(upload_id) for key in keys))
    assert stuck_system.status(sender, upload_id)["status"] == "expired"


def test_an_abandoned_upload_in_parts_expires_and_its_parts_are_gone(stuck_system: System, sender: User) -> None:
    body = {"file_name": "a.bin", "content_type": "application/octet-stream", "size_bytes": 5, "method": "multipart"}
    upload_id = stuck_system.call("POST", "/uploads", body, token=sender.token).json["upload_id"]
    assert len(places_of(stuck_system, upload_id)) == 1
    change_record(stuck_system, upload_id, created_at=datetime.now(UTC) - MULTIPART_LIFETIME - TWO_DAYS)

    reconcile(stuck_system)

    assert stuck_system.status(sender, upload_id)["status"] == "expired"
    assert places_of(stuck_system, upload_id) == []
    open_at_s3 = stuck_system.emulator.client("s3").list_multipart_uploads(Bucket=stuck_system.outputs["ingestBucket"])
    assert not any(each["Key"].endswith(upload_id) for each in open_at_s3.get("Uploads", []))
    answer = stuck_system.call("POST", f"/uploads/{upload_id}/complete", {}, token=sender.token)
    assert (answer.status, answer.json["upload_status"]) == (409, "expired")


def test_an_upload_whose_last_run_was_killed_is_completed(stuck_system: System, sender: User, killed: str) -> None:
    eventually(lambda: stuck_system.is_dead(killed), bool, seconds=60)

    def reconciled() -> str:
        reconcile(stuck_system)  # until the lease is over, nothing changes
        return stuck_system.status(sender, killed)["status"]

    eventually(reconciled, lambda status: status != "processing", seconds=60)
    stuck_system.await_status(sender, killed, "completed")


def test_the_schedule_invokes_the_live_alias(stuck_system: System) -> None:
    name = stuck_system.resource_id("Schedule", "processing-reconcile").partition("/")[2]

    schedule = stuck_system.emulator.client("scheduler").get_schedule(Name=name)

    assert schedule["Target"]["Arn"].endswith(f":function:{reconciler_of(stuck_system)}:live")
    assert schedule["State"] == "ENABLED"
