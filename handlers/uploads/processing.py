"""The use case behind the queue: verify one uploaded object, hand it to the processor, and record how it went."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from handlers.processors import Job, Processor, Unprocessable
from handlers.uploads.declaration import UploadRequest
from handlers.uploads.model import Status, UploadRef
from handlers.uploads.objects import ObjectStore, ObjectVersion
from handlers.uploads.rejection import Rejection
from handlers.uploads.scan import Scan
from handlers.uploads.store import UploadStore
from handlers.uploads.verification import verify

log = logging.getLogger(__name__)

LONGEST_DETAIL = 1_000
"""Characters of a sentence; DynamoDB would refuse a record of over 400 KB, and so lose the failure."""


class JobFailed(Exception):
    """A try failed, whatever its cause: the queue is to deliver the message again."""


class ScanFailed(Exception):
    """Nobody knows whether the object is safe: the message goes to the dead-letter queue, for an operator."""


@dataclass(frozen=True)
class Delivery:
    """One receipt of one event from the queue: that an object was created, or has been scanned for malware."""

    job_id: str
    """The message's id: the same at every try of the same message, another for a duplicate event."""
    attempt: int
    bucket: str
    key: str
    version_id: str
    scan: Scan | None = None
    """None where created objects are not scanned before."""

    @property
    def version(self) -> ObjectVersion:
        """What the event announced."""
        return ObjectVersion(self.bucket, self.key, self.version_id)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Take an SQS record that carries S3's "Object Created", or GuardDuty's "... Object Scan Result".

        Raises KeyError, TypeError or ValueError for any other.
        """
        detail = json.loads(record["body"])["detail"]
        job_id, attempt = record["messageId"], int(record["attributes"]["ApproximateReceiveCount"])
        if "s3ObjectDetails" in detail:
            scanned = detail["s3ObjectDetails"]
            place = scanned["bucketName"], scanned["objectKey"], scanned["versionId"]
            return cls(job_id, attempt, *place, scan=Scan.from_details(detail["scanResultDetails"]))
        created = detail["object"]
        return cls(job_id, attempt, detail["bucket"]["name"], created["key"], created["version-id"])


@dataclass(frozen=True)
class Processing:
    """Everything one delivery needs; clock and deadline come in, so that the rule can be tested without waiting."""

    records: UploadStore
    objects: ObjectStore
    load_processor: Callable[[], Processor]
    max_attempts: int
    """Receipts after which the queue moves a message to its dead-letter queue."""
    process_unscannable: bool
    """Whether an object that the malware scan could not look into is processed, instead of rejected."""
    clock: Callable[[], datetime]
    deadline: Callable[[], AbstractContextManager[None]]
    """Interrupts with TimeoutError before Lambda would end the process and nothing could be recorded."""

    def process_upload(self, delivery: Delivery) -> None:
        """Take the upload from uploaded to completed, rejected or failed; a duplicate or late event changes nothing.

        Raises JobFailed where the processor did, so that the queue delivers again, at last into its dead-letter queue.
        """
        ref = UploadRef.from_object_key(delivery.key)
        self.records.record_uploaded(ref, self.clock(), version_id=delivery.version_id)
        declared = self.records.record_processing(
            ref, self.clock(), job_id=delivery.job_id, version_id=delivery.version_id
        )
        try:
            if declared is None:
                self._finish(ref, delivery)
            elif delivery.scan and delivery.scan.has_failed:
                self._fail(ref, delivery, "scan-failed", "The object could not be scanned for malware.")
                self._finish(ref, delivery)
            elif rejection := self._rejection(delivery, declared):
                self._reject(ref, delivery, rejection)
            else:
                self._process(ref, delivery, declared)
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

    def _finish(self, ref: UploadRef, delivery: Delivery) -> None:
        """Do what is left to do for an upload that is done, or another job's.

        What came after an abort is put away, and so is another version than the upload's: a form may be sent twice.
        """
        upload = self.records.find(ref)
        status = upload.status
        is_another = upload.object_version not in {None, delivery.version_id}
        if is_another or status in {Status.REJECTED, Status.ABORTED}:
            with self.deadline():
                self.objects.put_away(delivery.version)
        if status is Status.FAILED and delivery.scan and delivery.scan.has_failed:
            raise ScanFailed(f"{delivery.scan.result}: {', '.join(delivery.scan.reasons) or 'no reason given'}")
        log.info("Nothing to process: the upload is %s.", status, extra=_facts(ref, delivery))

    def _rejection(self, delivery: Delivery, declared: UploadRequest) -> Rejection | None:
        if delivery.scan:
            found = delivery.scan.rejection(declared.size_bytes, process_unscannable=self.process_unscannable)
            if found:
                return found
        with self.deadline():
            return verify(self.objects, delivery.version, declared)

    def _reject(self, ref: UploadRef, delivery: Delivery, rejection: Rejection) -> None:
        """Record first: what is put away and not recorded would be missing at the next try."""
        detail = _storable(rejection.detail)
        if self.records.record_rejected(ref, self.clock(), job_id=delivery.job_id, code=rejection.code, detail=detail):
            log.warning("Upload rejected: %s", detail, extra=_facts(ref, delivery))
        self._finish(ref, delivery)

    def _process(self, ref: UploadRef, delivery: Delivery, declared: UploadRequest) -> None:
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
            chunks=lambda: self.objects.chunks(delivery.version),
        )
        with self.deadline():
            result = self.load_processor()(job)
        self.objects.store_result(ref.result_key, result)
        bucket = self.objects.result_bucket
        if self.records.record_completed(ref, self.clock(), job_id=delivery.job_id, result_bucket=bucket):
            log.info("Upload completed.", extra=_facts(ref, delivery))

    def _fail(self, ref: UploadRef, delivery: Delivery, code: str, sentence: str) -> None:
        detail = _storable(sentence)
        if self.records.record_failed(ref, self.clock(), job_id=delivery.job_id, code=code, detail=detail):
            log.error("Upload failed: %s", detail, extra=_facts(ref, delivery))


def _storable(sentence: str) -> str:
    # What cannot be stored would lose the failure: lone surrogates (of odd file names), and endless text.
    return sentence.encode("utf-8", "replace").decode()[:LONGEST_DETAIL]


def _facts(ref: UploadRef, delivery: Delivery) -> dict[str, object]:
    return {
        "upload_id": ref.upload_id,
        "owner": ref.owner,
        "job_id": delivery.job_id,
        "attempt": delivery.attempt,
    }
