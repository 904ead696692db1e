import logging
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from handlers.storage.job_queue import JobQueue, retry_delay_seconds
from tests.support.aws.moto_cloud import Cloud


def receive(cloud: Cloud) -> list[Any]:
    return [message.get("Body") for message in cloud.sqs.receive_message(QueueUrl=cloud.queue_url).get("Messages", [])]


@pytest.mark.parametrize(
    ("attempt", "max_attempts", "seconds"),
    [
        (1, 10, 5),
        (2, 10, 30),
        (3, 10, 180),
        (4, 10, 900),
        (9, 10, 900),
        (500, 1000, 900),
        (10, 10, 0),
        (11, 10, 0),
        (1, 1, 0),
        (2, 3, 30),
        (3, 3, 0),
    ],
)
def test_each_retry_waits_longer_and_the_last_failure_not_at_all(attempt: int, max_attempts: int, seconds: int) -> None:
    assert retry_delay_seconds(attempt, max_attempts) == seconds


@pytest.mark.parametrize("seconds", [0, 5, 905])
def test_the_failed_message_itself_is_brought_forward(cloud: Cloud, seconds: int) -> None:
    record = cloud.queue("{}")
    with Stubber(cloud.sqs) as stubber:
        stubber.add_response(
            "change_message_visibility",
            {},
            {"QueueUrl": cloud.queue_url, "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": seconds},
        )
        JobQueue(cloud.sqs, cloud.queue_url).deliver_again(record, after_seconds=seconds)
        stubber.assert_no_pending_responses()


def test_without_a_delay_the_queue_has_the_message_at_once(cloud: Cloud) -> None:
    record = cloud.queue("the message")
    assert receive(cloud) == []
    JobQueue(cloud.sqs, cloud.queue_url).deliver_again(record, after_seconds=0)
    assert receive(cloud) == ["the message"]


def test_a_queue_that_refuses_is_logged_and_hurts_nobody(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    record = {**cloud.queue("{}"), "receiptHandle": "forged"}
    with caplog.at_level(logging.ERROR):
        JobQueue(cloud.sqs, cloud.queue_url).deliver_again(record, after_seconds=5)
    (entry,) = caplog.records
    assert entry.message == "The next delivery could not be brought forward."
    assert vars(entry)["message_id"] == record["messageId"]


def test_a_queue_out_of_reach_is_logged_and_hurts_nobody(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    def unreachable(**_call: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs.example")

    record = cloud.queue("{}")
    cloud.sqs.meta.events.register_first("before-call.sqs.ChangeMessageVisibility", unreachable)
    try:
        with caplog.at_level(logging.ERROR):
            JobQueue(cloud.sqs, cloud.queue_url).deliver_again(record, after_seconds=5)
    finally:
        cloud.sqs.meta.events.unregister("before-call.sqs.ChangeMessageVisibility", unreachable)
    assert [entry.message for entry in caplog.records] == ["The next delivery could not be brought forward."]
