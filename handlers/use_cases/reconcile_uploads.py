"""The use case behind the schedule: brings every upload that is open for long to its end.

An upload is looked at when it has not changed for Waits.grace, and then again after Waits.again_after, which doubles
with each requeue up to a day. Before anything is sent, a conditional write remembers the look: of two runs at once, one
does it. If it then cannot be sent, the look is taken back.

| status     | what is found                                  | what follows                                          |
|------------|------------------------------------------------|-------------------------------------------------------|
| pending    | its object: the event was lost                 | requeue                                               |
|            | no object, and no byte can come any more       | expired, parts aborted, place freed                   |
| uploaded   | no run has taken it                            | requeue                                               |
| processing | its lease has been over for Waits.grace        | requeue, once; the next time failed                   |
| any        | it could not be processed for MESSAGE_LIFETIME | failed                                                |

A requeue sends a message with the object's version, or asks for a malware scan, which sends one. While more messages
wait in the queue than jobs run at once, nothing is requeued: the upload's own message may be one of them.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zlib import crc32

from handlers.domain.delays import Waits
from handlers.domain.errors import UnknownUpload
from handlers.domain.times import iso
from handlers.domain.upload import LONGEST_RUN, MESSAGE_LIFETIME, TERMINAL, Reason, Reconciled, Status, Upload
from handlers.domain.upload_ref import OPEN_SHARDS, UploadRef
from handlers.storage.job_queue import JobQueue
from handlers.storage.malware_scans import MalwareScans
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.object_events import object_created
from handlers.storage.objects import ObjectVersion, UploadedObjects
from handlers.storage.open_uploads import OpenUploads, Position
from handlers.storage.upload_store import UploadStore

log = logging.getLogger(__name__)

RESERVED_SECONDS = 30.0
"""A run stops with this time left: the calls for one upload end within it, with their timeouts and retries."""


class Outcome(StrEnum):
    """What a run did for an upload. Each is the name of a metric."""

    REQUEUED = "requeued_uploads"
    SCAN_REQUESTED = "requested_scans"
    EXPIRED = "expired_uploads"
    FAILED = "failed_uploads"
    WAITING = "waiting_uploads"
    """It would be requeued, but the queue is behind."""
    ERROR = "unreconciled_uploads"
    """An exception ended the look."""


STUCK = frozenset({Outcome.REQUEUED, Outcome.SCAN_REQUESTED, Outcome.FAILED, Outcome.ERROR})
"""Outcomes that no upload should have: something is wrong with an event, a run, or the reconciler."""


@dataclass(frozen=True)
class ReconcileUploads:
    """One run. Clock and time are passed in, so that tests can replace them."""

    open_uploads: OpenUploads
    records: UploadStore
    objects: UploadedObjects
    multipart_start: MultipartStart
    queue: JobQueue
    scans: MalwareScans | None
    """Where malware scans are required: the event of a scan starts a job then, and that of the creation does not."""
    concurrency_limit: int
    """Jobs that run at once, at most."""
    waits: Waits
    clock: Callable[[], datetime]
    seconds_left: Callable[[], float]
    """Until the process is ended from outside."""

    def run(self) -> Counter[Outcome]:
        """Look at the uploads that are due, as far as the time allows; the next run goes on with the others.

        An exception at one upload is logged and does not stop the others.
        """
        found: Counter[Outcome] = Counter()
        is_behind = self.queue.waiting() > self.concurrency_limit
        began_after = reached = self.open_uploads.reached()
        for position in self._unchanged(began_after):
            if self.seconds_left() < RESERVED_SECONDS:
                self.open_uploads.record_reached(reached)
                log.warning("The time is up; the next run goes on.")
                return found
            ref, reached = position.ref, position
            try:
                outcome = self._look_at(ref, is_behind=is_behind)
            except UnknownUpload:
                continue  # its record was deleted meanwhile
            except Exception:
                outcome = Outcome.ERROR
                log.exception("An upload could not be reconciled.", extra=_fields(ref))
            if outcome:
                found[outcome] += 1
        if began_after:
            self.open_uploads.record_reached(None)
        return found

    def _unchanged(self, after: Position | None) -> Iterator[Position]:
        """Begin with another shard each time: a run that is killed does not say where it stopped.

        A hash, because the minutes between runs can be a multiple of the shards.
        """
        now = self.clock()
        first_shard = crc32(iso(now).encode()) % OPEN_SHARDS
        return self.open_uploads.unchanged_since(now - self.waits.grace, first_shard=first_shard, after=after)

    def _look_at(self, ref: UploadRef, *, is_behind: bool) -> Outcome | None:
        upload, now = self.records.find(ref), self.clock()
        if upload.status in TERMINAL or now < self._next_look(upload):
            return None
        if upload.object_version:
            version = self.objects.version(ref, upload.object_version)
            return self._without_end(upload, version, now, since=upload.updated_at, is_behind=is_behind)
        if first := self.objects.first_version(ref):
            return self._without_end(upload, first.version, now, since=first.created_at, is_behind=is_behind)
        return self._without_object(upload, now)

    def _without_object(self, upload: Upload, now: datetime) -> Outcome | None:
        if now < upload.bytes_until:
            self._remember(upload, now, requeues=_requeues(upload))
            return None
        # Record first: from then on an object that arrives is not processed.
        if not self.records.record_expired(upload, now):
            return None
        if upload.multipart:
            self.multipart_start.abort(upload.ref, upload.multipart)
        self.records.places.release(upload.ref, upload.place)
        return Outcome.EXPIRED

    def _without_end(
        self, upload: Upload, version: ObjectVersion, now: datetime, *, since: datetime, is_behind: bool
    ) -> Outcome | None:
        if now < since + self.waits.grace:
            return None  # the event of a new object may still come
        if is_behind:
            return Outcome.WAITING
        requeues = _requeues(upload) + 1
        if reason := _reason_to_fail(upload, requeues, now - since):
            return self._fail(upload, now, reason)
        if not self._remember(upload, now, requeues=requeues):
            return None
        log.warning("The upload is %s for long, and is processed again.", upload.status, extra=_fields(upload.ref))
        try:
            return self._requeue(upload, version, requeues)
        except Exception:
            # Otherwise an upload could fail as interrupted twice, although nothing has processed it again.
            self._take_back(upload, now, requeues=requeues)
            raise

    def _requeue(self, upload: Upload, version: ObjectVersion, requeues: int) -> Outcome:
        if self.scans:
            self.scans.request(version)
            return Outcome.SCAN_REQUESTED
        event_id = f"{upload.ref.upload_id}-{upload.status}-{requeues}"
        self.queue.send(object_created(version, event_id, "portage.reconcile-uploads"), upload.ref.owner)
        return Outcome.REQUEUED

    def _fail(self, upload: Upload, now: datetime, reason: Reason) -> Outcome | None:
        if not self.records.record_never_finished(upload, now, reason):
            return None
        self.records.places.release(upload.ref, upload.place)
        log.error("Upload failed: %s", reason.detail, extra=_fields(upload.ref))
        return Outcome.FAILED

    def _next_look(self, upload: Upload) -> datetime:
        since = upload.updated_at
        if upload.status is Status.PROCESSING:
            since = upload.leased_until or upload.updated_at + LONGEST_RUN
        due = since + self.waits.grace
        last = upload.reconciled
        if last and last.reconciled_status is upload.status:
            due = max(due, last.reconciled_at + self.waits.until_next(last.requeues))
        return due

    def _remember(self, upload: Upload, now: datetime, *, requeues: int) -> bool:
        return self.open_uploads.record_look(upload, Reconciled(now, upload.status, requeues))

    def _take_back(self, upload: Upload, now: datetime, *, requeues: int) -> None:
        """Let a requeue that was remembered, but not sent, not count, and the next run do it."""
        remembered = upload._replace(reconciled=Reconciled(now, upload.status, requeues))
        due_now = now - self.waits.until_next(requeues - 1)
        self.open_uploads.record_look(remembered, Reconciled(due_now, upload.status, requeues - 1))


def _reason_to_fail(upload: Upload, requeues: int, age: timedelta) -> Reason | None:
    if upload.status is Status.PROCESSING and requeues > 1:
        return Reason("processing-interrupted", "Processing was interrupted, and again after it was repeated.")
    if age >= MESSAGE_LIFETIME:
        return Reason("not-processed", f"The object could not be processed for {MESSAGE_LIFETIME.days} days.")
    return None


def _requeues(upload: Upload) -> int:
    """How often the upload was requeued in the status that it has."""
    last = upload.reconciled
    return last.requeues if last and last.reconciled_status is upload.status else 0


def _fields(ref: UploadRef) -> dict[str, object]:
    return {"upload_id": ref.upload_id, "owner": ref.owner}
