"""Patches of SQS: fair delivery of standard queues, and the permission of a batch.

Fairness
    AWS: a message group that takes more than a tenth of the consumers is noisy: more than 10% of the messages in
    flight, at least 30 of them, or more than 10% of the recent processing time. Messages of quiet groups are delivered
    first, then those of the noisy group that has the fewest in flight. A message without a group is a group of its own.
    Source: SQS developer guide, "How Amazon SQS fair queues work".
    MiniStack: keeps the message group of a standard queue, but delivers in the order of sending.
    Here: as AWS, with the last 5 minutes as the recent processing time, which AWS does not define. A receipt's
    processing time ends when the next receipt finds it deleted or visible again.

Batches
    AWS: the permission of SendMessageBatch is sqs:SendMessage; the other batches are alike.
    Source: Service Authorization Reference, "Actions defined by Amazon SQS", which has no batch.
    MiniStack: asks for sqs:SendMessageBatch.
    Here: as AWS.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.emulator import patching

SHARE = 0.1
LEAST_IN_FLIGHT = 30
RECENT_SECONDS = 300.0

Message = dict[str, Any]
Collect = Callable[[dict[str, Any], int, int], list[Message]]


def patch() -> None:
    """Deliver fairly wherever a standard queue's messages are received, and check batches as AWS does."""
    patching.replace("ministack.services.sqs", "_collect_msgs", lambda original: fair(original, time.time))
    patching.replace("ministack.core.iam_actions", "extract_iam_action", _of_one_message)


def _of_one_message(original: Callable[..., str | None]) -> Callable[..., str | None]:
    def action(*arguments: Any, **options: Any) -> str | None:
        found = original(*arguments, **options)
        return found.removesuffix("Batch") if found and found.startswith("sqs:") else found

    return action


@dataclass
class _Receipts:
    """Who used a queue's consumers, and for how long."""

    open: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """By receipt: the group, and the time of the receipt."""
    ended: deque[tuple[float, str, float]] = field(default_factory=deque[tuple[float, str, float]])
    """When a receipt ended, its group, and the seconds that it took."""

    def seconds(self, in_flight: dict[str, str], now: float) -> dict[str, float]:
        """Return the recent processing time of each group; `in_flight` has the groups of receipts that go on."""
        for receipt in self.open.keys() - in_flight.keys():
            group, began = self.open.pop(receipt)
            self.ended.append((now, group, now - began))
        while self.ended and self.ended[0][0] < now - RECENT_SECONDS:
            self.ended.popleft()
        taken: defaultdict[str, float] = defaultdict(float)
        for _, group, seconds in self.ended:
            taken[group] += seconds
        for group, began in self.open.values():
            taken[group] += now - began
        return taken


def fair(original: Collect, clock: Callable[[], float]) -> Collect:
    """Return a function that lets `original` choose among few messages: those that come first."""
    queues: defaultdict[str, _Receipts] = defaultdict(_Receipts)

    def collect(queue: dict[str, Any], most: int, visibility_timeout: int) -> list[Message]:
        messages: list[Message] = queue["messages"]
        if queue["is_fifo"] or not any(each.get("group_id") for each in messages):
            return original(queue, most, visibility_timeout)
        receipts, now = queues[queue["attributes"]["QueueArn"]], clock()
        hidden = [each for each in messages if each["visible_at"] > now and each.get("receipt_handle")]
        in_flight = {str(each["receipt_handle"]): _group(each) for each in hidden}
        backlog: defaultdict[str, deque[Message]] = defaultdict(deque)
        for each in messages:
            if each["visible_at"] <= now:
                backlog[_group(each)].append(each)
        chosen = _turns(backlog, most, Counter(in_flight.values()), receipts.seconds(in_flight, now))
        received = original({**queue, "messages": chosen}, most, visibility_timeout)
        for each in received:
            receipts.open[each["receipt_handle"]] = _group(each), now
        return received

    return collect


def _turns(
    backlog: dict[str, deque[Message]], most: int, in_flight: Counter[str], seconds: dict[str, float]
) -> list[Message]:
    """Take messages from the groups' backlogs, each time from the group that comes first."""

    def rank(group: str) -> tuple[bool, int, float]:
        many = in_flight[group] >= LEAST_IN_FLIGHT and in_flight[group] > SHARE * in_flight.total()
        long = seconds.get(group, 0.0) > SHARE * sum(seconds.values())
        is_noisy = many or long
        return is_noisy, in_flight[group] if is_noisy else 0, backlog[group][0]["sent_at"]

    chosen: list[Message] = []
    while backlog and len(chosen) < most:
        group = min(backlog, key=rank)
        chosen.append(backlog[group].popleft())
        in_flight[group] += 1
        if not backlog[group]:
            del backlog[group]
    return chosen


def _group(message: Message) -> str:
    return message.get("group_id") or message["id"]
