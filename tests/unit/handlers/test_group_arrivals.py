"""Each arriving event goes on in its owner's message group, and none is lost on the way."""

import importlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.aws import json_client
from handlers.aws.client import AwsError
from handlers.domain.errors import UnknownUpload
from handlers.entries import group_arrivals as entry
from handlers.storage.fair_queue import LONGEST_GROUP, FairQueue
from handlers.storage.object_events import ObjectEvent
from handlers.use_cases.group_arrivals import Arrival, group_arrivals
from tests.support.aws.moto_cloud import OWNER, REF, object_created
from tests.support.handlers.queue_batches import Context

CREATED = json.dumps(object_created(REF.object_key, "v1"))
SCANNED = json.dumps(
    {
        "id": "event-2",
        "detail": {
            "s3ObjectDetails": {"bucketName": "ingest", "objectKey": REF.object_key, "versionId": "v1"},
            "scanResultDetails": {"scanResultStatus": "NO_THREATS_FOUND"},
        },
    }
)


NOW = datetime(2026, 2, 28, 12, 0, 7, 500_000, tzinfo=UTC)


def on_its_way(body: str) -> Any:
    """Return an event as it goes on at NOW."""
    return {**json.loads(body), "grouped-at": "2026-02-28T12:00:07.500Z"}


class FakeSqs:
    """Takes messages, except those of events that it was made to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.requests: list[list[dict[str, str]]] = []

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, parameters["QueueUrl"]) == ("SendMessageBatch", "https://queue")
        self.requests.append(parameters["Entries"])
        failed = [
            each["Id"]
            for each in parameters["Entries"]
            if any(is_same(each["MessageBody"], body) for body in self.refused)
        ]
        return {"Failed": [{"Id": each, "Code": "InternalError", "Message": "m"} for each in failed]}

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(each["MessageBody"], each["MessageGroupId"]) for entries in self.requests for each in entries]


def is_same(sent: str, body: str) -> bool:
    """Whether a message has this event."""
    return {**json.loads(sent), "grouped-at": None} == {**json.loads(body), "grouped-at": None}


def grouped(sqs: FakeSqs, *bodies: str) -> list[str]:
    arrivals = [Arrival(f"message-{number}", body) for number, body in enumerate(bodies)]
    return group_arrivals(arrivals, FairQueue(sqs, "https://queue"), NOW)


def created(key: str) -> str:
    return json.dumps(object_created(key, "v1"))


@pytest.mark.parametrize("body", [CREATED, SCANNED])
def test_an_event_goes_on_with_the_time_in_the_group_of_its_owner(body: str) -> None:
    sqs = FakeSqs()

    assert grouped(sqs, body) == []
    assert [(json.loads(sent), group) for sent, group in sqs.sent] == [(on_its_way(body), OWNER)]
    assert ObjectEvent.parse(sqs.sent[0][0]) == ObjectEvent.parse(body)._replace(grouped_at=NOW)


def test_a_time_that_cannot_be_read_makes_it_no_event() -> None:
    with pytest.raises(UnknownUpload):
        ObjectEvent.parse(json.dumps({**json.loads(CREATED), "grouped-at": "yesterday"}))


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "{}",
        created("elsewhere/a/b"),
        created("uploads/a"),
        created("uploads/a/b").replace('"uploads/a/b"', "5"),
        created("uploads/a/b").replace('"v1"', "null"),
    ],
)
def test_what_names_no_owner_goes_on_as_it_is_and_fails_as_a_job(body: str) -> None:
    sqs = FakeSqs()

    assert grouped(sqs, body) == []
    assert sqs.sent == [(body, "nobody")]


@pytest.mark.parametrize("owner", ["a" * (LONGEST_GROUP + 1), "ä", "a b"])
def test_what_names_an_owner_that_cannot_be_a_group_goes_on_in_the_group_of_nobody(owner: str) -> None:
    sqs, body = FakeSqs(), created(f"uploads/{owner}/b")

    assert grouped(sqs, body) == []
    assert [(json.loads(sent), group) for sent, group in sqs.sent] == [(on_its_way(body), "nobody")]


def test_more_than_a_batch_goes_on_in_requests_that_sqs_takes() -> None:
    sqs = FakeSqs()

    assert grouped(sqs, *(created(f"uploads/{number}/a") for number in range(12))) == []
    assert [len(each) for each in sqs.requests] == [10, 2]
    assert [group for _, group in sqs.sent] == [str(number) for number in range(12)]


def test_only_the_messages_that_sqs_does_not_take_arrive_again() -> None:
    bodies = [created(f"uploads/{number}/a") for number in range(12)]

    assert grouped(FakeSqs(bodies[1], bodies[11]), *bodies) == ["message-1", "message-11"]


def notification(*keys: str) -> str:
    """S3's own message about created objects."""
    created = ({"key": key, "versionId": f"v-of-{key}", "sequencer": "0055AED6DCD90281E5"} for key in keys)
    records = [{"s3": {"bucket": {"name": "ingest"}, "object": each}} for each in created]
    return json.dumps({"Records": records})


class TestNotificationsOfS3:
    def test_become_the_events_that_a_job_knows(self) -> None:
        sqs = FakeSqs()

        assert grouped(sqs, notification("uploads/me/1", "uploads/you%21/a+b")) == []
        assert [group for _, group in sqs.sent] == ["me", "you!"]
        assert [ObjectEvent.parse(body)._replace(grouped_at=None) for body, _ in sqs.sent] == [
            ObjectEvent("0055AED6DCD90281E5-v-of-uploads/me/1", "ingest", "uploads/me/1", "v-of-uploads/me/1"),
            ObjectEvent(
                "0055AED6DCD90281E5-v-of-uploads/you%21/a+b", "ingest", "uploads/you!/a b", "v-of-uploads/you%21/a+b"
            ),
        ]

    def test_are_read_as_they_are_too_because_a_redrive_can_bring_one(self) -> None:
        assert ObjectEvent.parse(notification("uploads/me/1")).key == "uploads/me/1"

    def test_of_a_test_become_nothing(self) -> None:
        sqs = FakeSqs()
        test = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "ingest"})

        assert grouped(sqs, test, CREATED) == []
        assert [(json.loads(sent), group) for sent, group in sqs.sent] == [(on_its_way(CREATED), OWNER)]

    def test_without_a_version_go_on_as_they_are_and_fail_as_jobs(self) -> None:
        sqs, body = FakeSqs(), json.dumps({"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]})

        assert grouped(sqs, body) == []
        assert sqs.sent == [(body, "nobody")]

    def test_arrive_again_once_if_any_of_their_objects_was_not_taken(self) -> None:
        class TakesNothing(FakeSqs):
            def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
                self.refused = tuple(each["MessageBody"] for each in parameters["Entries"])
                return super().call(operation, parameters)

        assert grouped(TakesNothing(), notification("uploads/a/1", "uploads/b/2")) == ["message-0"]


def test_a_replay_has_an_id_of_its_own() -> None:
    event = object_created(REF.object_key, "v1")

    assert ObjectEvent.parse(json.dumps(event)).event_id == event["id"]
    assert ObjectEvent.parse(json.dumps({**event, "replay-name": "again"})).event_id == f"{event['id']}/again"


class TestTheEntry:
    RECORDS = ({"messageId": "one", "body": CREATED}, {"messageId": "two", "body": SCANNED})

    def handle(self, monkeypatch: pytest.MonkeyPatch, calls: object) -> dict[str, Any]:
        monkeypatch.setenv("QUEUE_URL", "https://queue")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")

        def client(*_: object) -> object:
            return calls

        monkeypatch.setattr(json_client, "AwsJson", client)
        importlib.reload(entry)
        return entry.handle({"Records": list(self.RECORDS)}, Context())

    def test_answers_with_the_messages_to_deliver_again_and_writes_a_record(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = self.handle(monkeypatch, FakeSqs(SCANNED))

        assert answer == {"batchItemFailures": [{"itemIdentifier": "two"}]}
        record = json.loads(capsys.readouterr().out)
        assert (record["operation"], record["status"], record["messages"]) == ("groupArrivals", 500, 2)

    def test_raises_where_sqs_does_not_answer_so_that_all_are_delivered_again(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Down:
            def call(self, *_: object) -> dict[str, Any]:
                raise AwsError("ServiceUnavailable", "m", 503, {})

        with pytest.raises(AwsError):
            self.handle(monkeypatch, Down())
        assert json.loads(capsys.readouterr().out)["status"] == 500
