"""Batches of messages for the Lambda behind the queue, and processors that misbehave."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.domain.upload_ref import UploadRef
from handlers.entries import process_object
from handlers.processors import Job, Processor
from tests.support.aws.moto_cloud import OWNER, PDF, REF, Cloud

REFS = [UploadRef(OWNER, f"01985c2e-5a00-7000-8000-00000000000{n}") for n in range(3)]


@dataclass
class Context:
    """Lambda's context, as far as it is asked."""

    remaining_seconds: float = 300
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return round(self.remaining_seconds * 1000)


UseProcessor = Callable[[Processor], None]


def handle(*records: Mapping[str, Any], remaining_seconds: float = 300) -> list[str]:
    """Hand over a batch; returns the messages that are to come again."""
    answer = process_object.handle({"Records": list(records)}, Context(remaining_seconds))
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def uploaded(cloud: Cloud, ref: UploadRef = REF, body: bytes = PDF) -> dict[str, Any]:
    """A message for an upload that was declared and sent."""
    cloud.write_record(ref)
    return cloud.announce(cloud.put_object(ref, body), key=ref.object_key)


def in_this_process(work: Callable[[], str], _seconds: float, _while_working: Callable[[], None]) -> str:
    """Stands in for a child process where a test looks at what S3 has afterwards: moto's is in memory."""
    return work()


def do_nothing(_job: Job) -> Mapping[str, object]:
    return {}


def hang(_job: Job) -> Mapping[str, object]:
    time.sleep(30)
    return {}
