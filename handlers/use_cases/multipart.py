"""The use cases around parts that are there: list them, make them one object, or give them up."""

from datetime import datetime

from handlers.domain.errors import CompletionConflict, NotOpen, PartsMissing
from handlers.domain.upload import Multipart, Status, Upload, UploadRef
from handlers.storage.multipart import HeldPart, PartsBusy, PartsGone, PartStore
from handlers.storage.multipart_start import PartOpening
from handlers.storage.upload_store import UploadStore

_GONE = "S3 no longer has its parts: they were completed, or deleted because of their age."


def list_parts(ref: UploadRef, *, records: UploadStore, store: PartStore) -> tuple[Upload, Multipart, list[HeldPart]]:
    """Return an upload, its plan, and what S3 holds of it; raises UnknownUpload or NotOpen."""
    upload = records.find(ref)
    multipart = _multipart_of(upload)
    if upload.status is not Status.PENDING:
        raise _over(upload)
    try:
        return upload, multipart, store.held(upload, multipart)
    except PartsGone as gone:
        raise NotOpen(_GONE, upload) from gone


def complete_upload(ref: UploadRef, *, records: UploadStore, store: PartStore) -> Upload:
    """Make the parts one object, and return the upload as it is then; again, it changes nothing.

    Raises UnknownUpload, NotOpen, PartsMissing, SizeMismatch, or CompletionConflict. The use case
    for S3's event records that the object is there.
    """
    upload = records.find(ref)
    multipart = _multipart_of(upload)
    if upload.status is Status.PENDING:
        is_there = _put_together(upload, multipart, store)
        upload = records.find(ref)  # it may have been aborted meanwhile, or the event been fast
        if upload.status is Status.PENDING and not is_there:
            raise NotOpen(_GONE, upload)
    if upload.status is Status.ABORTED:
        raise _over(upload)
    return upload


def abort_upload(ref: UploadRef, now: datetime, *, records: UploadStore, opening: PartOpening) -> None:
    """Abort an upload that has no object yet; again, it only deletes the parts and frees their place.

    Raises UnknownUpload or NotOpen. The record goes first: from then on an object that comes is not processed. Only
    parts free the place, because S3 accepts a URL or form until it expires.
    """
    records.record_aborted(ref, now)
    upload = records.find(ref)
    if upload.status is not Status.ABORTED:
        raise _over(upload)
    if upload.multipart:
        opening.give_up(ref, upload.multipart)
        records.places.release(ref, upload.place)


def _put_together(upload: Upload, multipart: Multipart, store: PartStore) -> bool:
    """Return whether the object exists, by this call or another device's; raises CompletionConflict."""
    try:
        held = {part.part_number: part for part in store.held(upload, multipart)}
        missing = multipart.parts.missing({number: part.size_bytes for number, part in held.items()})
        if missing:
            raise PartsMissing(missing)
        store.put_together(upload, multipart, [held[number] for number in range(1, multipart.parts.count + 1)])
    except PartsGone:
        return store.has_object(upload.ref)
    except PartsBusy as busy:
        # The other request may still fail: without an object, nobody else would complete this upload.
        if not store.has_object(upload.ref):
            raise CompletionConflict("S3 is working on this object for another request; complete again.") from busy
    return True


def _multipart_of(upload: Upload) -> Multipart:
    if upload.multipart is None:
        raise NotOpen("The upload comes in one request, and has no parts.", upload)
    return upload.multipart


def _over(upload: Upload) -> NotOpen:
    return NotOpen(f"The upload is {upload.status}, and no longer {Status.PENDING}.", upload)
