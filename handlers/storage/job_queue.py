"""The queue of object events: what a message says, and when the queue delivers it again."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Scan
from handlers.domain.upload import Run
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
    """One receipt of one event: that an object was created, or has been scanned for malware."""

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
        """Read S3's "Object Created" event, or GuardDuty's "... Object Scan Result"; raises UnknownUpload for others.

        `invocation_id` differs between two runs of the same message.
        """
        try:
            event = json.loads(message.body)
            run, detail = _run(event["id"], message, invocation_id), event["detail"]
            if "s3ObjectDetails" in detail:
                scanned = detail["s3ObjectDetails"]
                place = scanned["bucketName"], scanned["objectKey"], scanned["versionId"]
                return cls(run, message, *place, scan=Scan.from_details(detail["scanResultDetails"]))
            created = detail["object"]
            return cls(run, message, detail["bucket"]["name"], created["key"], created["version-id"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnknownUpload(f"The message is no event of an object: {type(error).__name__}: {error}.") from error


def _run(event_id: str, message: Message, invocation_id: str) -> Run:
    return Run(event_id, f"{invocation_id}/{message.message_id}", message.sent_at)


def _time(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def object_created(version: ObjectVersion, event_id: str) -> str:
    """Return a message that Delivery.of reads as S3's "Object Created" event of this version."""
    event = {
        "id": event_id,
        "source": "portage.reconcile-uploads",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": version.bucket},
            "object": {"key": version.key, "version-id": version.version_id},
            "reason": "ReconcileUploads",
        },
    }
    return json.dumps(event)


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

    def send(self, body: str) -> None:
        """Send a message."""
        self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def waiting(self) -> int:
        """Return about how many messages wait to be delivered, without those that are hidden."""
        name: QueueAttributeNameType = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer.get("Attributes", {}).get(name, 0))
