"""The use case behind POST /uploads/{upload_id}/complete: make one object of an upload's parts."""

from handlers.domain.errors import CompletionConflict, PartsMissing
from handlers.domain.upload import Multipart, Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.multipart_completion import MultipartCompletion, PartsBusy, PartsGone
from handlers.storage.upload_store import UploadStore


def complete_upload(ref: UploadRef, *, records: UploadStore, multipart_completion: MultipartCompletion) -> Upload:
    """Make the parts one object, and return the upload as it is then. Repeating it changes nothing.

    Raises UnknownUpload, NotOpen, PartsMissing, SizeMismatch, or CompletionConflict. The record changes later, when the
    pipeline receives S3's event.
    """
    upload = records.find(ref)
    if upload.multipart is None:
        raise upload.without_parts()
    if upload.status is Status.PENDING:
        has_object = _complete(upload, upload.multipart, multipart_completion)
        upload = records.find(ref)  # it may have been aborted meanwhile, or the event was fast
        if upload.status is Status.PENDING and not has_object:
            raise upload.parts_gone()
    if upload.status in {Status.ABORTED, Status.EXPIRED}:
        raise upload.not_pending()
    return upload


def _complete(upload: Upload, multipart: Multipart, multipart_completion: MultipartCompletion) -> bool:
    """Return whether S3 has the object, by this call or by another device's."""
    try:
        stored = {part.part_number: part for part in multipart_completion.list_parts(upload, multipart)}
        missing = multipart.parts.missing({number: part.size_bytes for number, part in stored.items()})
        if missing:
            raise PartsMissing(missing)
        planned = [stored[number] for number in range(1, multipart.parts.count + 1)]
        multipart_completion.complete(upload, multipart, planned)
    except PartsGone:
        return multipart_completion.has_object(upload.ref)
    except PartsBusy as error:
        # The other request may still fail. If there is no object, this client has to complete the upload.
        if not multipart_completion.has_object(upload.ref):
            raise CompletionConflict("S3 is working on this object for another request; complete again.") from error
    return True
