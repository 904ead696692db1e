"""How a job begins and ends in the upload's record: the same on every compute.

The work between is the compute's own: process_object.py does all of it in one run, workflow_steps.py
in one run for each step.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import UnknownUpload
from handlers.domain.rejection import Rejection
from handlers.domain.upload import LONGEST_RUN, TERMINAL, Status
from handlers.domain.upload_ref import UploadRef
from handlers.storage.job_queue import Delivery
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import LONGEST_DETAIL
from handlers.use_cases.lease import Lease

log = logging.getLogger(__name__)


class ScanFailed(Exception):
    """The malware scan failed, so the object may be unsafe: the message goes to the dead-letter queue."""


class ScanMissing(Exception):
    """A scan is required, but the event is of the object's creation: the message goes to the dead-letter queue.

    GuardDuty does not scan older objects than its plan, unless an operator asks for it. The upload stays `uploaded`,
    because the result of such a scan completes it.
    """


class LeasedElsewhere(Exception):
    """Another run has the upload."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"Another run has the upload until {until.isoformat()}.")
        self.until = until


@dataclass(frozen=True)
class JobRecord:
    """Begins jobs, and records how they end."""

    records: UploadStore
    bucket: str
    """The ingest bucket. An event of another bucket changes nothing."""
    requires_scan: bool
    """Whether an object is processed only by the event of its malware scan."""
    clock: Callable[[], datetime]
    put_away: Callable[[Delivery], None]
    """Moves the delivered version to the quarantine, or deletes it."""

    def upload_of(self, delivery: Delivery) -> UploadRef:
        """Return the upload of the delivered object; raises UnknownUpload."""
        if delivery.bucket != self.bucket:
            raise UnknownUpload(f"The event is of bucket {delivery.bucket!r}, but uploads are in {self.bucket!r}.")
        return UploadRef.from_object_key(delivery.key)

    def take(self, lease: Lease) -> UploadRequest | None:
        """Return what was declared, or None where the upload is done, leased to another run, or waits for its scan."""
        self.records.record_uploaded(lease.ref, self.clock(), version_id=lease.delivery.version_id)
        return None if self._lacks_scan(lease.delivery) else lease.take()

    def end_unscanned(self, ref: UploadRef, delivery: Delivery) -> Status | None:
        """Fail an upload that this run has leased if its malware scan failed; None if it can be processed."""
        if not delivery.scan or not delivery.scan.has_failed:
            return None
        self.fail(ref, delivery, "scan-failed", "The object could not be scanned for malware.")
        return self.finish(ref, delivery)

    def finish(self, ref: UploadRef, delivery: Delivery) -> Status:
        """Return the status of an upload that has ended; put the delivered version away if the upload does not need it.

        That is a version of a rejected, aborted or expired upload, or one that is not the upload's: a form can be sent
        twice.
        Raises LeasedElsewhere while another run has the upload, ScanMissing if the upload waits for a scan, and
        ScanFailed if the scan of this version failed.
        """
        upload = self.records.find(ref)
        status = upload.status
        is_another = upload.object_version not in {None, delivery.version_id}
        if is_another or status in {Status.REJECTED, Status.ABORTED, Status.EXPIRED}:
            self.put_away(delivery)
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
        log.info("Nothing to process: the upload is %s.", status, extra=log_fields(ref, delivery))
        return status

    def reject(self, ref: UploadRef, delivery: Delivery, rejection: Rejection) -> Status:
        """Record first: after a crash between the two steps, the next try would otherwise not find the object."""
        detail, run_id = _storable(rejection.detail), delivery.run.run_id
        if self.records.record_rejected(ref, self.clock(), run_id=run_id, code=rejection.code, detail=detail):
            log.warning("Upload rejected: %s", detail, extra=log_fields(ref, delivery))
        return self.finish(ref, delivery)

    def complete(self, lease: Lease, result: str, results: ObjectStore) -> bool:
        """Store the result and record it, unless the run has lost its lease: all runs of an upload have one result key.

        The lease is renewed first, so that no other run can take the upload meanwhile. One case is left: this machine
        stands still between the renewal and S3's receipt of the result for longer than the renewed lease, or its clock
        is late by more than CLOCK_MARGIN. Then another run can complete meanwhile, and its result is replaced by this
        one, of the same version of the object.
        """
        ref, delivery = lease.ref, lease.delivery
        if not lease.renew():
            return False
        results.store_result(ref.result_key, result)
        is_completed = self.records.record_completed(
            ref, self.clock(), run_id=delivery.run.run_id, result_bucket=results.result_bucket
        )
        if is_completed:
            log.info("Upload completed.", extra=log_fields(ref, delivery))
        return is_completed

    def fail(self, ref: UploadRef, delivery: Delivery, code: str, sentence: str) -> None:
        """Record that the upload will not be tried again."""
        detail, run_id = _storable(sentence), delivery.run.run_id
        if self.records.record_failed(ref, self.clock(), run_id=run_id, code=code, detail=detail):
            log.error("Upload failed: %s", detail, extra=log_fields(ref, delivery))

    def fail_after_tries(self, ref: UploadRef, delivery: Delivery, kind: str, tries: int) -> None:
        """Record the failure of the last try. Its cause goes to the log, and only its kind to the uploader."""
        sentence = f"Processing ended in {kind} at the last of {tries} tries."
        self.fail(ref, delivery, "processing-failed", sentence)

    def _lacks_scan(self, delivery: Delivery) -> bool:
        return self.requires_scan and delivery.scan is None


def log_fields(ref: UploadRef, delivery: Delivery) -> dict[str, object]:
    """Return what log lines say of a run beside their text."""
    return {
        "upload_id": ref.upload_id,
        "owner": ref.owner,
        "job_id": delivery.run.job_id,
        "run_id": delivery.run.run_id,
        "attempt": delivery.attempt,
    }


def _storable(sentence: str) -> str:
    # DynamoDB would reject lone surrogates (of odd file names) and endless text, which would lose the failure.
    return sentence.encode("utf-8", "replace").decode()[:LONGEST_DETAIL]
