"""The queue of jobs as what runs them sees it: receipts of messages, and when the queue delivers them again."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from botocore.exceptions import BotoCoreError, ClientError

from handlers.domain.rejection import Scan
from handlers.domain.upload import Run
from handlers.storage.fair_queue import group_of
from handlers.storage.object_events import ObjectEvent
from handlers.storage.objects import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType, QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger(__name__)


RECEIVED_ATTRIBUTES: "Sequence[MessageSystemAttributeNameType]" = ("ApproximateReceiveCount", "SentTimestamp")
"""What a message's receipt has to have; Lambda delivers messages with all attributes."""


@dataclass(frozen=True)
class Message:
    """One receipt of one message."""

    message_id: str
    receipt_handle: str
    """Names this receipt when the message is hidden or deleted."""
    receive_count: int
    """How often SQS has delivered this message. A redrive sends another message, which begins at 1."""
    body: str
    sent_at: datetime
    """A redrive sends it again."""

    @classmethod
    def from_lambda(cls, record: dict[str, Any]) -> Self:
        """Take a record of the event with which Lambda delivers messages (Lambda guide, "Using Lambda with SQS")."""
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
            _time(record["attributes"]["SentTimestamp"]),
        )

    @property
    def execution_input(self) -> str:
        """Return the input of the state machine's execution that takes over the message; see from_step."""
        sent_at = str(round(self.sent_at.timestamp() * 1000))
        return json.dumps({"event": json.loads(self.body), "sent_at": sent_at})

    @classmethod
    def from_step(cls, payload: Mapping[str, Any]) -> Self:
        """Take what a state machine's execution hands to each of its steps (components/compute/workflow.py).

        The queue's own message has been deleted.
        """
        sent = payload["input"]
        event = json.dumps(sent["event"])
        return cls(payload["execution"], "", int(payload["attempt"]), event, _time(sent["sent_at"]))

    @classmethod
    def from_sqs(cls, received: "MessageTypeDef") -> Self:
        """Take an item of what ReceiveMessage answers, which was asked for RECEIVED_ATTRIBUTES."""
        attributes = received.get("Attributes", {})
        return cls(
            received.get("MessageId", ""),
            received.get("ReceiptHandle", ""),
            int(attributes.get("ApproximateReceiveCount", "1")),
            received.get("Body", ""),
            _time(attributes.get("SentTimestamp", "0")),
        )


@dataclass(frozen=True)
class Delivery:
    """One receipt of one event."""

    run: Run
    message: Message
    bucket: str
    key: str
    version_id: str
    scan: Scan | None = None
    """None where the event is of the object's creation."""

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        return self.message.receive_count

    @property
    def version(self) -> ObjectVersion:
        """What the event announced."""
        return ObjectVersion(self.bucket, self.key, self.version_id)

    @classmethod
    def of(cls, message: Message, invocation_id: str) -> Self:
        """Read a message; raises UnknownUpload for one that is no event of an object.

        `invocation_id` differs between two runs of the same message.
        """
        event = ObjectEvent.parse(message.body)
        run = Run(event.event_id, f"{invocation_id}/{message.message_id}", message.sent_at, event.grouped_at)
        return cls(run, message, event.bucket, event.key, event.version_id, event.scan)


def _time(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


class Hides(Protocol):
    """Sets when a message is delivered again."""

    def hide(self, message: Message, seconds: int) -> None:
        """Hide a received message for `seconds` from now."""
        ...


class NoQueue:
    """Stands in for the queue in runs that nothing delivers again: the queue's message was deleted before."""

    def hide(self, message: Message, seconds: int) -> None:
        """Do nothing."""


class JobQueue:
    """Sends messages, and sets when the queue delivers them again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def hide(self, message: Message, seconds: int) -> None:
        """Hide a received message for `seconds` from now. An error is logged; the time set before still applies.

        A run's lease, not its message, keeps other runs out, so a message that appears too soon does no harm.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError):
            log.exception(
                "The message could not be hidden for %d s.", seconds, extra={"message_id": message.message_id}
            )

    def receive(self, wait_seconds: int) -> Message | None:
        """Return a message, if one comes within `wait_seconds`; raises the client's errors."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=RECEIVED_ATTRIBUTES,
        )
        received = [Message.from_sqs(each) for each in answer.get("Messages", [])]
        return received[0] if received else None

    def delete(self, message: Message) -> None:
        """Delete a message. An error is logged: then the queue delivers it again, which changes nothing."""
        try:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)
        except (ClientError, BotoCoreError):
            log.exception("The message could not be deleted.", extra={"message_id": message.message_id})

    def send(self, body: str, owner: str) -> None:
        """Send a message about an upload of this owner."""
        self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageGroupId=group_of(owner))

    def waiting(self) -> int:
        """Return about how many messages wait to be delivered, without those that are hidden."""
        name: QueueAttributeNameType = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer.get("Attributes", {}).get(name, 0))
