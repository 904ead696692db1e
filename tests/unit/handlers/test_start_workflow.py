"""The Lambda behind the queue where jobs run on Step Functions: each message starts one execution."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from botocore.stub import Stubber

from handlers.entries import start_workflow
from handlers.storage.job_queue import JobQueue, Message
from handlers.use_cases.held_place import LOOK_SECONDS
from tests.support.aws.moto_cloud import REGION, TABLE, Cloud, shared_client
from tests.support.handlers.queue_batches import Context

ARN = f"arn:aws:states:{REGION}:123456789012:stateMachine:the-workflow"
EXECUTION = ARN.replace("stateMachine", "execution")


@pytest.fixture
def workflows(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("QUEUE_URL", cloud.queue_url)
    monkeypatch.setenv("STATE_MACHINE_ARN", ARN)
    monkeypatch.setenv("UPLOADS_TABLE", TABLE)
    monkeypatch.setenv("MAX_ATTEMPTS", "3")
    client = get_session().create_client("stepfunctions", region_name=REGION)

    def make(service: str, **config: object) -> Any:
        return client if service == "stepfunctions" else shared_client(service, **config)

    monkeypatch.setattr(boto3, "client", make)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    for each in vars(start_workflow).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def failed(*records: Mapping[str, Any], remaining_seconds: float = 300) -> list[str]:
    answer = start_workflow.handle({"Records": list(records)}, Context(remaining_seconds))
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def started_by(message: Mapping[str, Any]) -> dict[str, Any]:
    sent_at = str(message["attributes"]["SentTimestamp"])
    sent = json.dumps({"event": json.loads(message["body"]), "sent_at": sent_at})
    return {"stateMachineArn": ARN, "name": message["messageId"], "input": sent}


def test_an_execution_has_the_messages_id_as_its_name(cloud: Cloud, workflows: Stubber) -> None:
    message = cloud.announce("v1")
    workflows.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, started_by(message))
    assert failed(message) == []


def test_a_message_that_is_delivered_twice_is_deleted(cloud: Cloud, workflows: Stubber) -> None:
    message = cloud.announce("v1")
    workflows.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=started_by(message))
    assert failed(message) == []


def test_a_message_whose_execution_cannot_be_started_comes_again_alone(cloud: Cloud, workflows: Stubber) -> None:
    bad, good = cloud.announce("v1"), cloud.announce("v2")
    workflows.add_client_error("start_execution", "StateMachineDoesNotExist")
    workflows.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, started_by(good))
    assert failed(bad, good) == [bad["messageId"]]


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 30), (3, 0)])
def test_it_comes_again_after_the_delays_of_the_other_computes(
    cloud: Cloud, workflows: Stubber, monkeypatch: pytest.MonkeyPatch, attempt: int, seconds: int
) -> None:
    hidden: list[int] = []

    def hide(_: JobQueue, message: Message, seconds: int) -> None:
        assert message.receive_count == attempt
        hidden.append(seconds)

    monkeypatch.setattr(JobQueue, "hide", hide)
    message = cloud.announce("v1")
    message["attributes"]["ApproximateReceiveCount"] = str(attempt)
    workflows.add_client_error("start_execution", "ThrottlingException")
    assert failed(message) == [message["messageId"]]
    assert hidden == [seconds]


@pytest.mark.usefixtures("workflows")
def test_a_message_that_is_no_event_starts_nothing_and_comes_again_at_once(cloud: Cloud) -> None:
    message = cloud.queue("hello")
    assert failed(message) == [message["messageId"]]
    again = cloud.sqs.receive_message(QueueUrl=cloud.queue_url)
    assert [each.get("MessageId") for each in again.get("Messages", [])] == [message["messageId"]]


@pytest.mark.parametrize("times", [1, 2])
def test_it_waits_for_the_execution_in_each_delivery(
    cloud: Cloud, workflows: Stubber, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    cloud.write_record()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        cloud.write_record(status="completed")

    monkeypatch.setattr(start_workflow.time, "sleep", sleep)
    message = cloud.announce("v1")
    if times == 1:
        workflows.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, started_by(message))
    else:
        workflows.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=started_by(message))
    assert failed(message) == []
    assert slept == [LOOK_SECONDS]


def test_it_ends_before_lambda_ends_it(cloud: Cloud, workflows: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        pytest.fail(f"It waits for {seconds} s more.")

    monkeypatch.setattr(start_workflow.time, "sleep", sleep)
    cloud.write_record()
    message = cloud.announce("v1")
    workflows.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, started_by(message))
    assert failed(message, remaining_seconds=9) == []


def test_an_execution_that_cannot_be_waited_for_has_started_all_the_same(
    cloud: Cloud, workflows: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_TABLE", "no-such-table")
    message = cloud.announce("v1")
    workflows.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, started_by(message))
    assert failed(message) == []
