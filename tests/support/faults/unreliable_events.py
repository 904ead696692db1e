"""Stands between EventBridge and the queue, and delivers events as at-least-once delivery may: again, late, or not."""

import json
import random
import threading
import zlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.support.deployment.system import System

_BATCH = 10
"""SQS's limit for one request."""
_WINDOW = 200
"""Messages that are shuffled with each other."""


@dataclass
class UnreliableEvents:
    """While it is open, the rule's events go to a queue of its own, from where it sends them on."""

    system: System
    copies: int
    dropped_percent: int
    seed: int
    dropped: set[str] = field(default_factory=set[str])
    """Ids of uploads that had no event."""
    seen: set[str] = field(default_factory=set[str])
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        sqs, events = self.system.emulator.client("sqs"), self.system.emulator.client("events")
        self._rule = self.system.resource_id("EventRule", "processing-object-events")
        self._targets: list[Any] = events.list_targets_by_rule(Rule=self._rule)["Targets"]
        self._url = sqs.create_queue(QueueName=f"unreliable-{self.seed}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        (target,) = self._targets
        events.put_targets(Rule=self._rule, Targets=[{**target, "Arn": arn}])
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self.system.emulator.client("events").put_targets(Rule=self._rule, Targets=self._targets)
        self.system.emulator.client("sqs").delete_queue(QueueUrl=self._url)

    def _run(self) -> None:
        sqs = self.system.emulator.client("sqs")
        order, waiting = random.Random(self.seed), list[str]()
        while True:
            received = sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=_BATCH).get("Messages", [])
            for message in received:
                waiting += self._copies_of(message["Body"])
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            if len(waiting) >= _WINDOW or (waiting and not received):
                order.shuffle(waiting)
                self._send(waiting)
                waiting = []
            if not received and not waiting and self._ending.wait(0.1):
                return

    def _copies_of(self, body: str) -> list[str]:
        upload_id = json.loads(body)["detail"]["object"]["key"].rpartition("/")[2]
        self.seen.add(upload_id)
        if zlib.crc32(f"{self.seed}{upload_id}".encode()) % 100 < self.dropped_percent:
            self.dropped.add(upload_id)
            return []
        return [body] * self.copies

    def _send(self, bodies: list[str]) -> None:
        sqs, url = self.system.emulator.client("sqs"), self.system.outputs["queueUrl"]
        for first in range(0, len(bodies), _BATCH):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + _BATCH])]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
