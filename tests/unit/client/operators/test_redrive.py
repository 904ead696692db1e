"""`portage redrive`, in this process, with moto's SQS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from client.__main__ import main

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

OWNER = "6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11"
FIRST, SECOND, UNKNOWN = (f"01985c2e-5a00-7000-8000-{number:012}" for number in (1, 2, 9))


def created(upload_id: str) -> str:
    return json.dumps({"id": f"event-{upload_id}", "detail": {"object": {"key": f"uploads/{OWNER}/{upload_id}"}}})


def scanned(upload_id: str) -> str:
    return json.dumps({"id": "scan", "detail": {"s3ObjectDetails": {"objectKey": f"uploads/{OWNER}/{upload_id}"}}})


class Queues:
    def __init__(self, client: "SQSClient") -> None:
        self.client = client
        self.queue = client.create_queue(QueueName="objects")["QueueUrl"]
        self.dead = client.create_queue(QueueName="dead-letters")["QueueUrl"]

    def fill(self, *bodies: str) -> None:
        for body in bodies:
            self.client.send_message(
                QueueUrl=self.dead,
                MessageBody=body,
                MessageAttributes={"trace": {"DataType": "String", "StringValue": "1"}},
                MessageGroupId=OWNER,
            )

    def bodies(self, url: str) -> set[str]:
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        assert all("trace" in each.get("MessageAttributes", {}) for each in messages)
        assert all(each.get("Attributes", {}).get("MessageGroupId") == OWNER for each in messages), "owners have turns"
        return {each.get("Body", "") for each in messages}


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        queues = Queues(boto3.client("sqs", region_name="eu-central-1"))
        outputs = {
            "apiUrl": "https://api.example.com",
            "userPoolClientId": "client",
            "region": "eu-central-1",
            "queueUrl": queues.queue,
            "deadLetterQueueUrl": queues.dead,
        }
        monkeypatch.setenv("PORTAGE_CONFIG", str(tmp_path / "portage.json"))
        (tmp_path / "portage.json").write_text(json.dumps(outputs))
        yield queues


def test_all_messages_are_moved_with_their_attributes(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = {created(FIRST), scanned(SECOND), "no event at all", *(created(f"{n:08}{FIRST[8:]}") for n in range(20))}
    queues.fill(*bodies)
    assert main(["redrive", "--all"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == len(bodies)
    assert f"{FIRST}  {OWNER}" in told.out
    assert "messages moved: 23" in told.err
    assert queues.bodies(queues.dead) == set()
    count = queues.client.get_queue_attributes(QueueUrl=queues.queue, AttributeNames=["ApproximateNumberOfMessages"])
    assert count["Attributes"]["ApproximateNumberOfMessages"] == str(len(bodies))


def test_only_those_of_one_upload_are_moved_and_the_others_are_seen_at_once(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.fill(created(FIRST), scanned(FIRST), created(SECOND))
    assert main(["redrive", FIRST, "--json"]) == 0
    told: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["upload_id"], each["owner"], each["moved"]) for each in told] == [(FIRST, OWNER, True)] * 2
    assert queues.bodies(queues.queue) == {created(FIRST), scanned(FIRST)}
    assert queues.bodies(queues.dead) == {created(SECOND)}


def test_a_dry_run_moves_nothing_and_hides_nothing(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.fill(created(FIRST), created(SECOND))
    assert main(["redrive", "--all", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert "would be moved" in told.out
    assert "would be moved: 2" in told.err
    assert queues.bodies(queues.dead) == {created(FIRST), created(SECOND)}
    assert queues.bodies(queues.queue) == set()


def test_a_message_that_comes_back_is_not_moved_in_a_circle(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.fill(created(FIRST))
    real = vars(boto3)["client"]

    def failing_at_once(*arguments: Any, **options: Any) -> Any:
        client = real(*arguments, **options)

        def send(**message: Any) -> Any:
            return sent(**{**message, "QueueUrl": queues.dead})

        sent = client.send_message
        client.send_message = send
        return client

    monkeypatch.setattr(boto3, "client", failing_at_once)
    assert main(["redrive", "--all"]) == 0
    assert "messages moved: 1" in capsys.readouterr().err
    assert queues.bodies(queues.dead) == {created(FIRST)}


def test_an_upload_without_a_message_is_an_error(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.fill(created(FIRST))
    assert main(["redrive", UNKNOWN]) == 4
    assert UNKNOWN in capsys.readouterr().err
    assert queues.bodies(queues.dead) == {created(FIRST)}


def test_what_aws_refuses_is_an_error(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.client.delete_queue(QueueUrl=queues.dead)
    assert main(["redrive", "--all"]) == 4
    assert "NonExistentQueue" in capsys.readouterr().err


@pytest.mark.usefixtures("queues")
def test_without_aws_credentials_or_queues_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert main(["redrive", "--all"]) == 2
    assert "AWS_PROFILE" in capsys.readouterr().err
    outputs = json.loads((tmp_path / "portage.json").read_text())
    del outputs["deadLetterQueueUrl"]
    (tmp_path / "portage.json").write_text(json.dumps(outputs))
    assert main(["redrive", "--all"]) == 2
    assert "deadLetterQueueUrl" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--all", FIRST], ["not-an-id"]])
def test_what_to_move_has_to_be_said(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["redrive", *words])
    assert ended.value.code == 2
