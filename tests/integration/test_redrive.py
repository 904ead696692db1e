"""Every way into the dead-letter queue leaves an upload that has failed, or that a redrive completes."""

import copy
import json
from typing import Any

import pytest

from handlers.storage.object_events import object_created
from handlers.storage.objects import ObjectVersion
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User, eventually, put

LEASE_SECONDS = 10 + 5
"""The function's timeout, and the margin."""


@pytest.fixture(scope="module")
def one_try(deploy_one_try: DeployWith) -> System:
    return deploy_one_try("one-try")


@pytest.fixture(scope="module")
def sender(one_try: System) -> User:
    return one_try.new_user()


@pytest.fixture(scope="module", autouse=True)
def killed(one_try: System, sender: User) -> str:
    """An upload with a run that is killed: sent first, so that its lease runs out while the other tests run."""
    upload_id = one_try.send(sender, file_name="kills.bin")
    one_try.await_status(sender, upload_id, "processing")
    return upload_id


@pytest.fixture(scope="module", autouse=True)
def hanging(one_try: System, sender: User) -> str:
    """An upload with a processor that hangs and catches everything, sent first for the same reason."""
    return one_try.send(sender, file_name="hangs.bin")


def test_an_upload_whose_deliveries_were_all_throttled_is_pending_and_a_redrive_completes_it(
    one_try: System, sender: User
) -> None:
    functions, sqs = one_try.emulator.client("lambda"), one_try.emulator.client("sqs")
    mapping = one_try.resource_id("EventSourceMapping", "processing-queue-triggers-process-object")
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        upload_id = one_try.send(sender)
        # A throttled delivery is a receipt after which nothing runs.
        receive = {"QueueUrl": one_try.outputs["queueUrl"], "VisibilityTimeout": 0, "AttributeNames": ["All"]}
        (message,) = eventually(lambda: sqs.receive_message(**receive).get("Messages"), bool)
        owner = json.loads(message["Body"])["detail"]["object"]["key"].split("/")[1]
        assert message["Attributes"]["MessageGroupId"] == owner, "the queue delivers fairly between owners"
        eventually(lambda: sqs.receive_message(**receive) and one_try.is_dead(upload_id), bool)
    finally:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert one_try.status(sender, upload_id)["status"] == "pending"
    one_try.redrive(upload_id)
    one_try.await_status(sender, upload_id, "completed")


def test_a_redrive_processes_an_upload_that_has_failed(one_try: System, sender: User) -> None:
    upload_id = one_try.send(sender, file_name="waits-for-a-fix.bin")
    failed = one_try.await_status(sender, upload_id, "failed")
    eventually(lambda: one_try.is_dead(upload_id), bool)
    redrive_until_done(one_try, sender, upload_id, to="failed", after=failed["version"])
    (one_try.emulator.data_dir / f"{upload_id}.fixed").touch()
    redrive_until_done(one_try, sender, upload_id, to="completed", after=failed["version"])


def test_an_event_that_was_sent_to_the_dead_letters_directly_is_redriven_too(one_try: System, sender: User) -> None:
    """EventBridge sends there what it cannot deliver. SQS knows no source queue of such a message."""
    events, rule = one_try.emulator.client("events"), one_try.resource_id("EventRule", "processing-object-events")
    events.disable_rule(Name=rule)
    try:
        upload_id = one_try.send(sender)
    finally:
        events.enable_rule(Name=rule)
    bucket = one_try.outputs["ingestBucket"]
    listed = one_try.emulator.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    (sent,) = [each for each in listed if each["Key"].endswith(upload_id)]
    event = object_created(ObjectVersion(bucket, sent["Key"], sent["VersionId"]), "an-event", "aws.s3")
    one_try.emulator.client("sqs").send_message(QueueUrl=one_try.outputs["deadLetterQueueUrl"], MessageBody=event)
    one_try.redrive(upload_id)
    one_try.await_status(sender, upload_id, "completed")
    assert not one_try.is_dead(upload_id)


def test_an_event_of_another_bucket_is_kept_and_changes_nothing(one_try: System, sender: User) -> None:
    upload_id = one_try.send(sender, file_name="raises.bin")
    eventually(lambda: one_try.is_dead(upload_id), bool)
    (event,) = [each for each in one_try.dead_letters() if each["detail"]["object"]["key"].endswith(upload_id)]
    plan = one_try.create(sender)
    before = one_try.status(sender, plan["upload_id"])
    foreign = copy.deepcopy(event)
    foreign["detail"]["bucket"]["name"] = one_try.outputs["resultsBucket"]
    foreign["detail"]["object"]["key"] = event["detail"]["object"]["key"].replace(upload_id, plan["upload_id"])
    one_try.emulator.client("sqs").send_message(QueueUrl=one_try.outputs["queueUrl"], MessageBody=json.dumps(foreign))
    eventually(lambda: one_try.is_dead(plan["upload_id"]), bool)
    assert one_try.status(sender, plan["upload_id"]) == before
    assert put(plan, b"12345").status == 200
    one_try.await_status(sender, plan["upload_id"], "completed")


def test_an_upload_whose_processor_hangs_and_catches_everything_has_failed(
    one_try: System, sender: User, hanging: str
) -> None:
    upload = one_try.await_status(sender, hanging, "failed", "completed", seconds=60)
    assert "TimeoutError" in upload["failure"]["detail"]


def test_an_upload_whose_run_was_killed_is_completed_by_a_redrive_when_the_lease_is_over(
    one_try: System, sender: User, killed: str
) -> None:
    def redriven() -> str:
        one_try.redrive(killed)  # until the lease is over, the message comes back each time
        return one_try.status(sender, killed)["status"]

    eventually(redriven, lambda status: status == "completed", seconds=LEASE_SECONDS + 30)


def redrive_until_done(one_try: System, sender: User, upload_id: str, *, to: str, after: int) -> None:
    """Redrive until the upload has this state and a later version.

    On a busy machine a run can take longer than the visibility timeout of 1 s. SQS then moves the message to the
    dead-letter queue, although the run succeeds.
    """

    def redriven() -> Any:
        one_try.redrive(upload_id)
        return one_try.status(sender, upload_id)

    eventually(redriven, lambda upload: upload["status"] == to and upload["version"] > after)
