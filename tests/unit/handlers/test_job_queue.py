import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from handlers.domain.delays import retry_delay_seconds
from handlers.storage.job_queue import JobQueue, Message
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


def received(cloud: Cloud, body: str = "{}") -> Message:
    return Message.from_lambda(cloud.queue(body))


def test_a_message_is_hidden_by_the_receipt_that_it_came_with(cloud: Cloud) -> None:
    message = received(cloud)
    with Stubber(cloud.sqs) as stubber:
        stubber.add_response(
            "change_message_visibility",
            {},
            {"QueueUrl": cloud.queue_url, "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 905},
        )
        JobQueue(cloud.sqs, cloud.queue_url).hide(message, 905)
        stubber.assert_no_pending_responses()


def test_a_worker_polls_long_and_knows_how_often_a_message_came_and_when_it_was_sent(cloud: Cloud) -> None:
    url, sent = cloud.queue_url, {"ApproximateReceiveCount": "3", "SentTimestamp": "1767225600250"}
    with Stubber(cloud.sqs) as stubber:
        stubber.add_response(
            "receive_message",
            {"Messages": [{"MessageId": "id", "ReceiptHandle": "receipt", "Body": "{}", "Attributes": sent}]},
            {
                "QueueUrl": url,
                "MaxNumberOfMessages": 1,
                "WaitTimeSeconds": 10,
                "MessageSystemAttributeNames": ("ApproximateReceiveCount", "SentTimestamp"),
            },
        )
        message = JobQueue(cloud.sqs, url).receive(10)
    assert message == Message("id", "receipt", 3, "{}", datetime(2026, 1, 1, 0, 0, 0, 250_000, UTC))


def test_a_message_that_is_hidden_for_no_time_is_delivered_at_once(cloud: Cloud) -> None:
    message = received(cloud, "the message")
    assert receive(cloud) == []
    JobQueue(cloud.sqs, cloud.queue_url).hide(message, 0)
    assert receive(cloud) == ["the message"]


def refused(cloud: Cloud, message: Message) -> None:
    JobQueue(cloud.sqs, cloud.queue_url).hide(replace(message, receipt_handle="forged"), 5)


def unanswered(cloud: Cloud, message: Message) -> None:
    def unreachable(**_call: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs.example")

    cloud.sqs.meta.events.register_first("before-call.sqs.ChangeMessageVisibility", unreachable)
    try:
        JobQueue(cloud.sqs, cloud.queue_url).hide(message, 5)
    finally:
        cloud.sqs.meta.events.unregister("before-call.sqs.ChangeMessageVisibility", unreachable)


@pytest.mark.parametrize("hide", [refused, unanswered])
def test_an_error_of_the_queue_is_logged_and_changes_nothing_else(
    cloud: Cloud, caplog: pytest.LogCaptureFixture, hide: Callable[[Cloud, Message], None]
) -> None:
    message = received(cloud)
    with caplog.at_level(logging.ERROR):
        hide(cloud, message)
    (entry,) = caplog.records
    assert vars(entry)["message_id"] == message.message_id


def test_a_message_is_sent_in_the_group_of_its_owner(cloud: Cloud) -> None:
    JobQueue(cloud.sqs, cloud.queue_url).send("the message", "the-owner")

    names: Any = {"MessageSystemAttributeNames": ["MessageGroupId"]}
    (message,) = cloud.sqs.receive_message(QueueUrl=cloud.queue_url, **names)["Messages"]
    assert (message.get("Body"), message.get("Attributes")) == ("the message", {"MessageGroupId": "the-owner"})
