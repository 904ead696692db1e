"""A standard queue of the embedded AWS delivers fairly, as SQS documents it."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.emulator.patches.sqs import fair
from local.emulator.process import Emulator

FLOOD = 40


class Queue:
    """A queue with a clock, and messages by name of their groups."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.record: dict[str, Any] = {"is_fifo": False, "attributes": {"QueueArn": "arn"}, "messages": []}
        self.collect = fair(self._in_order, lambda: self.now)
        self._handles = itertools.count()

    def send(self, *groups: str | None) -> None:
        for group in groups:
            number = len(self.record["messages"])
            self.record["messages"].append(
                {"id": f"{number}-{group}", "group_id": group, "sent_at": self.now, "visible_at": self.now}
            )

    def receive(self, most: int = 1) -> list[dict[str, Any]]:
        return self.collect(self.record, most, 600)

    def groups(self, most: int = 1) -> list[str | None]:
        return [each["group_id"] for each in self.receive(most)]

    def delete(self, message: dict[str, Any]) -> None:
        self.record["messages"].remove(message)

    def _in_order(self, queue: dict[str, Any], most: int, visibility_timeout: int) -> list[dict[str, Any]]:
        received = [each for each in queue["messages"] if each["visible_at"] <= self.now][:most]
        for each in received:
            each |= {"receipt_handle": str(next(self._handles)), "visible_at": self.now + visibility_timeout}
        return received


def test_with_few_in_flight_and_no_processing_time_the_oldest_comes_first() -> None:
    queue = Queue()
    queue.send("many", "many", "few")

    assert queue.groups(3) == ["many", "many", "few"]


@pytest.mark.parametrize(("in_flight", "first"), [(29, "many"), (30, "few")])
def test_a_group_with_thirty_messages_in_flight_comes_after_quiet_ones(in_flight: int, first: str) -> None:
    queue = Queue()
    queue.send(*["many"] * FLOOD, "few")
    for _ in range(in_flight):
        assert queue.groups() == ["many"]

    assert queue.groups() == [first]


def test_a_group_with_few_messages_that_take_long_comes_after_quiet_ones() -> None:
    queue = Queue()
    queue.send(*["slow"] * 3, "few")
    (slow,) = queue.receive()
    queue.now += 60
    queue.delete(slow)

    assert queue.groups(3) == ["few", "slow", "slow"]


def test_what_took_long_is_forgotten_after_five_minutes() -> None:
    queue = Queue()
    queue.send(*["slow"] * 3, "few")
    (slow,) = queue.receive()
    queue.now += 60
    queue.delete(slow)
    queue.receive(0)  # ends the receipt
    queue.now += 301

    assert queue.groups(3) == ["slow", "slow", "few"]


def test_noisy_groups_share_what_quiet_ones_leave() -> None:
    queue = Queue()
    queue.send(*["one"] * 60, *["other"] * 60)

    taken = Counter(queue.groups()[0] for _ in range(100))

    assert abs(taken["one"] - taken["other"]) <= 30


def test_a_message_without_a_group_is_a_group_of_its_own() -> None:
    queue = Queue()
    queue.send(*["many"] * FLOOD, None)
    for _ in range(30):
        queue.receive()

    assert queue.groups() == [None]


def test_nothing_is_left_behind() -> None:
    queue = Queue()
    queue.send(*["many"] * FLOOD, "few", None)

    assert len([each for _ in range(FLOOD + 5) for each in queue.receive()]) == FLOOD + 2


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_the_embedded_sqs_delivers_a_quiet_groups_message_before_a_flood(emulator: Emulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for first in range(0, FLOOD, 10):
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "MessageBody": "flood", "MessageGroupId": "many"}
                for number in range(first, first + 10)
            ],
        )
    sqs.send_message(QueueUrl=url, MessageBody="one", MessageGroupId="few")
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)

    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"])["Messages"]

    assert (message["Body"], message["Attributes"]) == ("one", {"MessageGroupId": "few"})


def test_a_batch_needs_the_permission_of_one_message_alone(emulator: Emulator) -> None:
    iam, sqs = emulator.client("iam"), emulator.client("sqs")
    url = sqs.create_queue(QueueName="batches")["QueueUrl"]
    iam.create_user(UserName="sender")
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="sender", PolicyName="send", PolicyDocument=document)
    key = iam.create_access_key(UserName="sender")["AccessKey"]
    sender = boto3.client(
        "sqs",
        endpoint_url=emulator.endpoint,
        region_name=emulator.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    sent = sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "b"}])

    assert len(sent["Successful"]) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.receive_message(QueueUrl=url)
