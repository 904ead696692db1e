"""How events start jobs: S3's own notifications, other targets of the rule, and a replay from its archive."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User, eventually
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant


@pytest.fixture(scope="module")
def audit_url(emulator: Any) -> str:
    return emulator.client("sqs").create_queue(QueueName="audit")["QueueUrl"]


@pytest.fixture(scope="module")
def archiving(deploy_with: DeployWith, emulator: Any, audit_url: str) -> System:
    return deploy_with(
        "archiving",
        archiveDays=1,
        eventTargets=[f"arn:aws:sqs:{emulator.region}:{emulator.account_id}:{audit_url.rpartition('/')[2]}"],
        processor="team_processor.process",
        processorCode=str(TEAM_CODE),
        processingMaxAttempts=1,
    )


@pytest.fixture(scope="module")
def sender(archiving: System) -> User:
    return archiving.new_user()


def test_a_replay_changes_nothing_for_uploads_that_have_ended(archiving: System, sender: User, audit_url: str) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    sent = {archiving.send(sender): "completed", archiving.send(sender, file_name="raises.bin"): "failed"}
    before = {upload_id: archiving.await_status(sender, upload_id, end) for upload_id, end in sent.items()}
    assert len(audited(archiving, audit_url, 2)) == 2

    archive, events = archiving.outputs["eventArchiveArn"], archiving.emulator.client("events")
    events.start_replay(
        ReplayName="again",
        EventSourceArn=archive,
        EventStartTime=began,
        EventEndTime=datetime.now(UTC) + timedelta(minutes=1),
        Destination={
            "Arn": f"{archive.rpartition(':')[0]}:event-bus/default",
            "FilterArns": [archiving.outputs["eventRuleArn"]],
        },
    )
    replayed = audited(archiving, audit_url, 2)
    archiving.await_idle()

    assert {each["replay-name"] for each in replayed} == {"again"}
    assert all(each["detail"]["object"]["version-id"] for each in replayed), "a replay is a whole event"
    assert {upload_id: archiving.status(sender, upload_id) for upload_id in sent} == before


def test_s3_s_own_notifications_start_jobs_and_its_test_starts_none(deploy_with: DeployWith) -> None:
    system = deploy_with("notified", trigger="s3-notifications")
    user = system.new_user()

    upload_id = system.send(user)

    system.await_status(user, upload_id, "completed")
    system.await_idle()
    assert "eventRuleArn" not in system.outputs
    assert system.dead_letters() == []


def audited(system: System, url: str, count: int) -> list[Any]:
    """The events that the extra target got, once there are as many as expected."""
    sqs, found = system.emulator.client("sqs"), list[Any]()

    def receive() -> int:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)

    eventually(receive, lambda got: got >= count)
    return found
