"""The use case behind DELETE /uploads/{upload_id}: cancel an upload before its object exists."""

from datetime import datetime

from handlers.domain.upload import Status
from handlers.domain.upload_ref import UploadRef
from handlers.storage.multipart_start import MultipartStart
from handlers.storage.upload_store import UploadStore


def abort_upload(ref: UploadRef, now: datetime, *, records: UploadStore, multipart_start: MultipartStart) -> None:
    """Abort an upload that has no object yet. Repeating it only deletes the parts and frees their place.

    Raises UnknownUpload or NotOpen. The record changes first: from then on, an object that arrives is not processed.
    Only an upload in parts frees its place, because S3 accepts a URL or form until it expires.
    """
    records.record_aborted(ref, now)
    upload = records.find(ref)
    if upload.status is not Status.ABORTED:
        raise upload.not_pending()
    if upload.multipart:
        multipart_start.abort(ref, upload.multipart)
        records.places.release(ref, upload.place)
