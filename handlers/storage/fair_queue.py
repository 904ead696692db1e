"""The queue of jobs as what fills it sees it: each message is in its owner's group, so that SQS delivers fairly.

SQS delivers messages of owners with few jobs first, while another owner's jobs take a large share of the consumers'
time (SQS developer guide, "Amazon SQS fair queues").
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from handlers.aws.json_client import Calls

log = logging.getLogger(__name__)

BATCH = 10
"""SQS's limit of messages in one request (SendMessageBatch)."""

LONGEST_GROUP = 128
"""SQS's limit of a MessageGroupId, in characters. It may have letters, digits and punctuation (SendMessage)."""

NOBODY = "nobody"
"""The group of messages that name no upload."""


class GroupedMessage(NamedTuple):
    """A message and its group."""

    body: str
    group: str


def group_of(owner: str) -> str:
    """Return the message group of an owner."""
    is_accepted = owner.isascii() and owner.isprintable() and " " not in owner and 0 < len(owner) <= LONGEST_GROUP
    return owner if is_accepted else NOBODY


class FairQueue:
    """Sends messages in batches."""

    def __init__(self, calls: Calls, url: str) -> None:
        self._calls = calls
        self._url = url

    def send(self, messages: Sequence[GroupedMessage]) -> set[int]:
        """Send at most BATCH messages, and return the positions of those that SQS did not take; raises AwsError."""
        entries = [
            {"Id": str(position), "MessageBody": message.body, "MessageGroupId": message.group}
            for position, message in enumerate(messages)
        ]
        answer = self._calls.call("SendMessageBatch", {"QueueUrl": self._url, "Entries": entries})
        failed: list[dict[str, str]] = answer.get("Failed") or []
        for each in failed:
            log.error("SQS did not take a message: %s: %s", each.get("Code"), each.get("Message"))
        return {int(each["Id"]) for each in failed}
