"""The use case behind the queue: hand one uploaded object to the processor, and record how it went."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from handlers.processors import Job, Processor, Unprocessable
from handlers.uploads.model import UploadRef
from handlers.uploads.objects import ObjectStore
from handlers.uploads.store import UploadStore

log = logging.getLogger(__name__)

LONGEST_DETAIL = 1_000
"""Characters of a failure's sentence; DynamoDB would refuse a record of over 400 KB, and so lose the failure."""


class JobFailed(Exception):
    """A try failed, whatever its cause: the queue is to deliver the message again."""


@dataclass(frozen=True)
class Delivery:
    """One receipt of one S3 event from the queue."""

    job_id: str
    """The message's id: the same at every try of the same message, another for a duplicate event."""
    attempt: int
    bucket: str
    key: str
    version_id: str

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Take an SQS record that carries EventBridge's "Object Created" of S3; raises KeyError or ValueError."""
        detail = json.loads(record["body"])["detail"]
        return cls(
            job_id=record["messageId"],
            attempt=int(record["attributes"]["ApproximateReceiveCount"]),
            bucket=detail["bucket"]["name"],
            key=detail["object"]["key"],
            version_id=detail["object"]["version-id"],
        )


@dataclass(frozen=True)
class Processing:
    """Everything one delivery needs; clock and deadline come in, so that the rule can be tested without waiting."""

    records: UploadStore
    objects: ObjectStore
    load_processor: Callable[[], Processor]
    max_attempts: int
    """Receipts after which the queue moves a message to its dead-letter queue."""
    clock: Callable[[], datetime]
    deadline: Callable[[], AbstractContextManager[None]]
    """Interrupts with TimeoutError before Lambda would end the process and nothing could be recorded."""

    def process_upload(self, delivery: Delivery) -> None:
        """Take the upload from uploaded to completed or failed; a duplicate or late event changes nothing.

        Raises JobFailed where the processor did, so that the queue delivers again, at last into its dead-letter queue.
        """
        ref = UploadRef.from_object_key(delivery.key)
        self.records.record_uploaded(ref, self.clock())
        declared = self.records.record_processing(ref, self.clock(), job_id=delivery.job_id)
        if declared is None:
            log.info("Nothing to do: this upload is done, or another job's.", extra=_facts(ref, delivery))
            return
        job = Job(
            owner=ref.owner,
            upload_id=ref.upload_id,
            file_name=declared.file_name,
            content_type=declared.content_type,
            size_bytes=declared.size_bytes,
            bucket=delivery.bucket,
            key=delivery.key,
            version_id=delivery.version_id,
            attempt=delivery.attempt,
            chunks=lambda: self.objects.chunks(delivery.bucket, delivery.key, delivery.version_id),
        )
        try:
            with self.deadline():
                result = self.load_processor()(job)
            self.objects.store_result(ref.result_key, result)
            bucket = self.objects.result_bucket
            if self.records.record_completed(ref, self.clock(), job_id=delivery.job_id, result_bucket=bucket):
                log.info("Upload completed.", extra=_facts(ref, delivery))
        except Unprocessable as fault:
            self._fail(ref, delivery, "unprocessable", str(fault))
        except BaseException as fault:
            # Whatever a team's code raises, sys.exit() among it. The cause goes to the log and to the queue, and only
            # its kind to the uploader.
            kind = type(fault).__name__
            if delivery.attempt >= self.max_attempts:
                sentence = f"Processing ended in {kind} at each of {delivery.attempt} tries."
                self._fail(ref, delivery, "processing-failed", sentence)
            raise JobFailed(f"Try {delivery.attempt} of {self.max_attempts} ended in {kind}.") from fault

    def _fail(self, ref: UploadRef, delivery: Delivery, code: str, sentence: str) -> None:
        # What cannot be stored would lose the failure: lone surrogates (of odd file names), and endless text.
        detail = sentence.encode("utf-8", "replace").decode()[:LONGEST_DETAIL]
        if self.records.record_failed(ref, self.clock(), job_id=delivery.job_id, code=code, detail=detail):
            log.error("Upload failed: %s", detail, extra=_facts(ref, delivery))


def _facts(ref: UploadRef, delivery: Delivery) -> dict[str, object]:
    return {
        "upload_id": ref.upload_id,
        "owner": ref.owner,
        "job_id": delivery.job_id,
        "attempt": delivery.attempt,
    }
