"""The use case behind the queue: verify one uploaded object, hand it to the processor, and record how it went."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from handlers.aws.metric_log import size_class
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Rejection
from handlers.domain.scan import Scan
from handlers.domain.upload import LONGEST_RUN, TERMINAL, Run, Status, UploadRef
from handlers.processors import Job, Processor, Unprocessable, result_json
from handlers.processors.child_process import WorkFailed
from handlers.storage.objects import ObjectStore, ObjectVersion
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.verification import verify

log = logging.getLogger(__name__)

LONGEST_DETAIL = 1_000
"""Characters of a sentence; DynamoDB would refuse a record of over 400 KB, and so lose the failure."""

RECORDING_SECONDS = 3.0
"""Reserved at the end of the function's time, to record how the work ended."""

SHORTEST_WORK_SECONDS = 1.0
"""A run begins only with at least this time: otherwise its TimeoutError would not mean that the processor is slow."""

LEASE_MARGIN = timedelta(seconds=5)
"""How long a lease outlives its function: two machines' clocks differ, and Lambda takes a moment to end a process."""


class JobFailed(Exception):
    """A try failed, whatever its cause: the queue is to deliver the message again."""


class ScanFailed(Exception):
    """The malware scan failed, so the object may be unsafe: the message goes to the dead-letter queue."""


class ScanMissing(Exception):
    """A scan is required, but the event is of the object's creation: the message goes to the dead-letter queue.

    GuardDuty does not scan what came before malwareScan was switched on, unless an operator asks for it. The upload
    stays `uploaded`, because the result of such a scan completes it.
    """


class NoTimeLeft(Exception):
    """The function ends too soon to begin; the upload is as it was, and the queue is to deliver the message again."""


class LeasedElsewhere(Exception):
    """Another run has the upload; the queue is to deliver the message again when its lease is over."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"Another run has the upload until {until.isoformat()}.")
        self.until = until


@dataclass(frozen=True)
class Delivery:
    """One receipt of one event from the queue: that an object was created, or has been scanned for malware."""

    run: Run
    attempt: int
    """How often SQS has delivered this message. A redrive sends another message, which begins at 1."""
    bucket: str
    key: str
    version_id: str
    scan: Scan | None = None
    """None where the event is of the object's creation."""

    @property
    def version(self) -> ObjectVersion:
        """What the event announced."""
        return ObjectVersion(self.bucket, self.key, self.version_id)

    @classmethod
    def from_record(cls, record: dict[str, Any], invocation_id: str) -> Self:
        """Take an SQS record that carries S3's "Object Created", or GuardDuty's "... Object Scan Result".

        Raises UnknownUpload for any other.
        """
        try:
            event = json.loads(record["body"])
            run = Run(event["id"], f"{invocation_id}/{record['messageId']}")
            attempt, detail = int(record["attributes"]["ApproximateReceiveCount"]), event["detail"]
            if "s3ObjectDetails" in detail:
                scanned = detail["s3ObjectDetails"]
                place = scanned["bucketName"], scanned["objectKey"], scanned["versionId"]
                return cls(run, attempt, *place, scan=Scan.from_details(detail["scanResultDetails"]))
            created = detail["object"]
            return cls(run, attempt, detail["bucket"]["name"], created["key"], created["version-id"])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise UnknownUpload(f"The message is no event of an object: {type(fault).__name__}: {fault}.") from fault


@dataclass(frozen=True)
class Processing:
    """Everything one delivery needs; clock, time and processes come in, so that the rule can be tested without them."""

    records: UploadStore
    bucket: str
    """Where uploads are: an event of another bucket changes nothing."""
    objects: ObjectStore
    """Used by the isolated work alone."""
    results: ObjectStore
    """Used outside of the isolated work alone."""
    load_processor: Callable[[], Processor]
    max_attempts: int
    """Receipts after which the queue moves a message to its dead-letter queue."""
    requires_scan: bool
    """Whether an object is processed only by the event of its malware scan."""
    process_unscannable: bool
    """Whether an object that the malware scan could not look into is processed, instead of rejected."""
    allowed_content_types: Sequence[str]
    """What may be declared; everything where it is empty."""
    clock: Callable[[], datetime]
    seconds_left: Callable[[], float]
    """Until the function is ended from outside."""
    isolated: Callable[[Callable[[], str], float], str]
    """Runs work in a process of its own, for at most this many seconds; see child_process.run_in_child."""

    def process_upload(self, delivery: Delivery, facts: dict[str, str | int]) -> Status:
        """Take the upload from uploaded to completed, rejected or failed, and return how it ended.

        A duplicate or late event changes nothing. `facts` receives what the job's record says about the upload.

        Raises UnknownUpload, NoTimeLeft, LeasedElsewhere, ScanMissing, or JobFailed with its cause: then the queue
        delivers again, at last into its dead-letter queue.
        """
        ref = self._upload_of(delivery)
        if (seconds := self._work_seconds()) < SHORTEST_WORK_SECONDS:
            raise NoTimeLeft(f"{max(seconds, 0):.1f} s are left, but a run needs {SHORTEST_WORK_SECONDS} s to begin.")
        self.records.record_uploaded(ref, self.clock(), version_id=delivery.version_id)
        declared = None if self._lacks_scan(delivery) else self._lease(ref, delivery)
        try:
            if declared is None:
                return self._finish(ref, delivery)
            facts["size_class"] = size_class(declared.size_bytes)
            if delivery.scan and delivery.scan.has_failed:
                self._fail(ref, delivery, "scan-failed", "The object could not be scanned for malware.")
                return self._finish(ref, delivery)
            return self._work(ref, delivery, declared)
        except (LeasedElsewhere, ScanMissing):
            raise
        except Exception as fault:
            # The cause goes to the log and to the queue, and only its kind to the uploader.
            kind = fault.kind if isinstance(fault, WorkFailed) else type(fault).__name__
            if delivery.attempt < self.max_attempts or isinstance(fault, NoTimeLeft):
                # The next run need not wait for the end of the lease.
                self.records.change_lease(ref, self.clock(), run_id=delivery.run.run_id)
            else:
                sentence = f"Processing ended in {kind} at the last of {delivery.attempt} tries."
                self._fail(ref, delivery, "processing-failed", sentence)
            raise JobFailed(f"Try {delivery.attempt} of {self.max_attempts} ended in {kind}.") from fault

    def _lacks_scan(self, delivery: Delivery) -> bool:
        return self.requires_scan and delivery.scan is None

    def _lease(self, ref: UploadRef, delivery: Delivery) -> UploadRequest | None:
        now = self.clock()
        return self.records.record_processing(
            ref, now, run=delivery.run, leased_until=self._lease_end(now), version_id=delivery.version_id
        )

    def _upload_of(self, delivery: Delivery) -> UploadRef:
        if delivery.bucket != self.bucket:
            raise UnknownUpload(f"The event is of bucket {delivery.bucket!r}, but uploads are in {self.bucket!r}.")
        return UploadRef.from_object_key(delivery.key)

    def _finish(self, ref: UploadRef, delivery: Delivery) -> Status:
        """Return the status of an upload that has ended; put the delivered version away if the upload does not need it.

        That is a version of a rejected or aborted upload, or one that is not the upload's: a form can be sent twice.
        Raises LeasedElsewhere while another run has the upload, ScanMissing if the upload waits for a scan, and
        ScanFailed if the scan of this version failed.
        """
        upload = self.records.find(ref)
        status = upload.status
        is_another = upload.object_version not in {None, delivery.version_id}
        if is_another or status in {Status.REJECTED, Status.ABORTED}:
            self._isolated(lambda: self.objects.put_away(delivery.version) or "")
        elif status not in TERMINAL and self._lacks_scan(delivery):
            raise ScanMissing(
                f"The upload is {status}, but its object has no malware scan yet. If it came before malwareScan was "
                "switched on, scan it with GuardDuty's SendObjectMalwareScan; or switch malwareScan off and redrive "
                "the message."
            )
        elif status not in TERMINAL:
            raise LeasedElsewhere(upload.leased_until or upload.updated_at + LONGEST_RUN)
        if status is Status.FAILED and delivery.scan and delivery.scan.has_failed:
            raise ScanFailed(f"{delivery.scan.result}: {', '.join(delivery.scan.reasons) or 'no reason given'}")
        log.info("Nothing to process: the upload is %s.", status, extra=_facts(ref, delivery))
        return status

    def _work(self, ref: UploadRef, delivery: Delivery, declared: UploadRequest) -> Status:
        outcome, _, text = self._isolated(lambda: self._outcome(ref, delivery, declared)).partition(":")
        if outcome == _REJECTED:
            return self._reject(ref, delivery, Rejection(**json.loads(text)))
        if outcome == _UNPROCESSABLE:
            self._fail(ref, delivery, "unprocessable", text)
            return Status.FAILED
        return self._complete(ref, delivery, text)

    def _outcome(self, ref: UploadRef, delivery: Delivery, declared: UploadRequest) -> str:
        """Verify the object and process it; returns text, because isolated work can return nothing else."""
        if rejection := self._rejection(delivery, declared):
            return f"{_REJECTED}:{json.dumps(asdict(rejection))}"
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
        try:
            return f"{_PROCESSED}:{result_json(self.load_processor()(job))}"
        except Unprocessable as fault:
            return f"{_UNPROCESSABLE}:{fault!s:.{LONGEST_DETAIL}}"

    def _rejection(self, delivery: Delivery, declared: UploadRequest) -> Rejection | None:
        if delivery.scan:
            found = delivery.scan.rejection(declared.size_bytes, process_unscannable=self.process_unscannable)
            if found:
                return found
        return verify(self.objects, delivery.version, declared, allowed_content_types=self.allowed_content_types)

    def _reject(self, ref: UploadRef, delivery: Delivery, rejection: Rejection) -> Status:
        """Record first: after a crash between the two steps, the next try would otherwise not find the object."""
        detail, run_id = _storable(rejection.detail), delivery.run.run_id
        if self.records.record_rejected(ref, self.clock(), run_id=run_id, code=rejection.code, detail=detail):
            log.warning("Upload rejected: %s", detail, extra=_facts(ref, delivery))
        return self._finish(ref, delivery)

    def _complete(self, ref: UploadRef, delivery: Delivery, result: str) -> Status:
        """Store the result and record it, unless the run has lost its lease: all runs of an upload have one result key.

        The lease is renewed first, so no other run can take the upload while this function may live. One case is left:
        this machine stands still between the renewal and S3's receipt of the result for longer than the renewed lease,
        or its clock is late by more than LEASE_MARGIN. Then another run can complete meanwhile, and its result is
        replaced by this one, of the same version of the object.
        """
        bucket, run_id = self.results.result_bucket, delivery.run.run_id
        if self.records.change_lease(ref, self._lease_end(self.clock()), run_id=run_id):
            self.results.store_result(ref.result_key, result)
            if self.records.record_completed(ref, self.clock(), run_id=run_id, result_bucket=bucket):
                log.info("Upload completed.", extra=_facts(ref, delivery))
                return Status.COMPLETED
        return self._finish(ref, delivery)

    def _lease_end(self, now: datetime) -> datetime:
        """Return when this function has certainly ended."""
        return now + timedelta(seconds=self.seconds_left()) + LEASE_MARGIN

    def _fail(self, ref: UploadRef, delivery: Delivery, code: str, sentence: str) -> None:
        detail, run_id = _storable(sentence), delivery.run.run_id
        if self.records.record_failed(ref, self.clock(), run_id=run_id, code=code, detail=detail):
            log.error("Upload failed: %s", detail, extra=_facts(ref, delivery))

    def _isolated(self, work: Callable[[], str]) -> str:
        if (seconds := self._work_seconds()) <= 0:
            raise NoTimeLeft("Nothing is left of the time to work.")
        return self.isolated(work, seconds)

    def _work_seconds(self) -> float:
        return self.seconds_left() - RECORDING_SECONDS


_REJECTED, _UNPROCESSABLE, _PROCESSED = "rejected", "unprocessable", "processed"
"""How isolated work ended. A colon follows, then the rejection as JSON, the sentence, or the result."""


def _storable(sentence: str) -> str:
    # What cannot be stored would lose the failure: lone surrogates (of odd file names), and endless text.
    return sentence.encode("utf-8", "replace").decode()[:LONGEST_DETAIL]


def _facts(ref: UploadRef, delivery: Delivery) -> dict[str, object]:
    return {
        "upload_id": ref.upload_id,
        "owner": ref.owner,
        "job_id": delivery.run.job_id,
        "run_id": delivery.run.run_id,
        "attempt": delivery.attempt,
    }
