"""Moves messages of the dead-letter queue back to the queue, so that their uploads are processed again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..errors import PortageError
from .aws import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How long other readers do not see a message that was read here. Reading must end within this time."""

_MOST_AT_ONCE = 10
"""SQS's limit for one request."""

_KEY = re.compile(r'uploads(?:/|%2F)(?P<owner>[^/"%]+)(?:/|%2F)(?P<upload_id>[0-9a-f-]{36})')
"""An object's key in an event, also where the event is text inside of another one."""


class NothingToRedrive(PortageError):
    """The dead-letter queue has no message of an upload."""


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue."""

    owner: str
    upload_id: str
    """Empty, as the owner, if the message names no upload."""
    sent_at: datetime
    """When it was sent to the queue in which it is now, or before it was moved there by SQS."""
    received: "MessageTypeDef"

    @classmethod
    def of(cls, received: "MessageTypeDef") -> Self:
        """Read a message that was received with all attributes."""
        found = _KEY.search(received.get("Body", ""))
        sent = int(received.get("Attributes", {}).get("SentTimestamp", "0"))
        owner, upload_id = found.group("owner", "upload_id") if found else ("", "")
        return cls(owner, upload_id, datetime.fromtimestamp(sent / 1000, UTC), received)


class DeadLetters:
    """The dead-letter queue of a stack."""

    def __init__(self, client: "SQSClient", *, queue_url: str, dead_letter_queue_url: str) -> None:
        self._client = client
        self._queue_url, self._url = queue_url, dead_letter_queue_url
        self._hidden: dict[str, str] = {}
        """Receipt handles of messages that are still here, by message id."""
        self._moved: set[str] = set()
        """Bodies. One that comes back, because its upload fails again, must not be moved in a circle."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show_again()

    def __iter__(self) -> Iterator[DeadLetter]:
        """Read each message once, and hide it from other readers. Raises OperatorRefused or TransportFault."""
        while messages := self._receive():
            for each in messages:
                is_new = each.get("MessageId", "") not in self._hidden and each.get("Body") not in self._moved
                self._hidden[each.get("MessageId", "")] = each.get("ReceiptHandle", "")
                if is_new:
                    yield DeadLetter.of(each)

    def move(self, letter: DeadLetter) -> None:
        """Send a message to the queue, then delete it here. A message that then is in both does no harm."""
        received = letter.received
        more: dict[str, Any] = {}
        if group := received.get("Attributes", {}).get("MessageGroupId"):
            more["MessageGroupId"] = group
        if attributes := received.get("MessageAttributes"):
            more["MessageAttributes"] = attributes
        with aws_errors():
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=received.get("Body", ""), **more)
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=received.get("ReceiptHandle", ""))
        del self._hidden[received.get("MessageId", "")]
        self._moved.add(received.get("Body", ""))

    def show_again(self) -> None:
        """Let other readers see the messages that were not moved. SQS does so by itself after HIDDEN_SECONDS."""
        while self._hidden:
            _, receipt = self._hidden.popitem()
            with aws_errors():
                self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def _receive(self) -> "list[MessageTypeDef]":
        with aws_errors():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_MOST_AT_ONCE,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,  # otherwise SQS asks only some of its servers, and can miss messages
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return answer.get("Messages", [])
