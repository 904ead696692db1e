"""How long an owner with few uploads waits behind another owner's flood: grouped by owner, and in a plain queue.

Both queues get the same events in the same order, and have the same consumers. The queue is the embedded AWS's, which
delivers as SQS documents it; so the ratio is of the documented order, not a measurement of AWS.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measuring import interleaved, measurements
from benchmarks.table import Row, at_most
from handlers.aws.boto3_json import Boto3Json
from handlers.storage.fair_queue import BATCH, FairQueue
from handlers.use_cases.group_arrivals import Arrival, group_arrivals
from local.emulator.process import Emulator

CONSUMERS = 10
JOB_SECONDS = 0.02
FEW = 20
"""Uploads of the small owner, which come when the flood is in the queue."""

Send = Callable[[Any, str, Sequence[str]], None]


def measure(bench: Bench) -> list[Row]:
    """Return the median wait of the small owner's uploads."""
    rounds, flood = bench.amounts.fairness_rounds, bench.amounts.flood
    ways: dict[str, Send] = {"fair": _in_groups, "plain": _without_groups}
    bench.expect(measurements(ways, rounds=rounds))
    with Emulator() as emulator:
        waits = interleaved(
            {name: lambda send=send: _wait_seconds(emulator, send, flood) for name, send in ways.items()},
            rounds=rounds,
            tick=bench.tick,
        )
    return [
        Row.compared(
            f"wait of {FEW} uploads behind {flood:,} of another owner",
            waits["fair"],
            waits["plain"],
            peer_name="plain queue",
            show=lambda seconds: f"{seconds:.2f} s",
            goal=at_most(0.1),
        )
    ]


def _wait_seconds(emulator: Emulator, send: Send, flood: int) -> float:
    """Return the median time from sending until a consumer has received a message of the small owner."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=f"jobs-{time.monotonic_ns()}")["QueueUrl"]
    send(sqs, url, [_event("large", number) for number in range(flood)])
    waits: list[float] = []
    with ThreadPoolExecutor(CONSUMERS) as consumers:
        done = [consumers.submit(_consume, emulator.client("sqs"), url, waits) for _ in range(CONSUMERS)]
        time.sleep(CONSUMERS * JOB_SECONDS)  # the flood takes the consumers first
        sent_at = time.perf_counter()
        send(sqs, url, [_event("small", number) for number in range(FEW)])
        for each in done:
            each.result()
    sqs.delete_queue(QueueUrl=url)
    return statistics.median(waits) - sent_at


def _consume(sqs: Any, url: str, received_at: list[float]) -> None:
    """Run jobs until the small owner's are done."""
    while len(received_at) < FEW:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            if "uploads/small/" in message["Body"]:
                received_at.append(time.perf_counter())
            time.sleep(JOB_SECONDS)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _in_groups(sqs: Any, url: str, bodies: Sequence[str]) -> None:
    group_arrivals([Arrival(body, body) for body in bodies], FairQueue(Boto3Json(sqs), url), datetime.now(UTC))


def _without_groups(sqs: Any, url: str, bodies: Sequence[str]) -> None:
    for first in range(0, len(bodies), BATCH):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + BATCH])]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def _event(owner: str, number: int) -> str:
    created = {"bucket": {"name": "ingest"}, "object": {"key": f"uploads/{owner}/{number}", "version-id": "v"}}
    return json.dumps({"id": f"{owner}-{number}", "detail-type": "Object Created", "detail": created})
