"""The use case behind POST /uploads/{upload_id}/complete: make one object of an upload's parts."""

from collections.abc import Mapping

from handlers.domain.declaration import LateDeclaration
from handlers.domain.errors import CompletionConflict, PartsMissing, SizeMismatch
from handlers.domain.upload import Multipart, Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.multipart_completion import MultipartCompletion, PartsBusy, PartsGone, StoredPart
from handlers.storage.upload_store import UploadStore


def complete_upload(
    ref: UploadRef, late: LateDeclaration, *, records: UploadStore, multipart_completion: MultipartCompletion
) -> Upload:
    """Make the parts one object, and return the upload as it is then. Repeating it changes nothing.

    Raises UnknownUpload, NotOpen, PartsMissing, SizeMismatch, CompletionConflict, and as `Upload.declared_late` does.
    The status changes later, when the pipeline receives S3's event.
    """
    upload = records.find(ref)
    if upload.multipart is None:
        raise upload.without_parts()
    if upload.status is Status.PENDING:
        complete = upload._replace(declared=upload.declared_late(late))
        has_object = _complete(complete, upload.multipart, records, multipart_completion)
        upload = records.find(ref)  # it may have been aborted meanwhile, or the event was fast
        if upload.status is Status.PENDING and not has_object:
            raise upload.parts_gone()
    if upload.status in {Status.ABORTED, Status.EXPIRED}:
        raise upload.not_pending()
    upload.declared_late(late)  # a request that comes again must not name another size
    return upload


def _complete(
    upload: Upload, multipart: Multipart, records: UploadStore, multipart_completion: MultipartCompletion
) -> bool:
    """Return whether S3 has the object, by this call or by another device's."""
    try:
        stored = {part.part_number: part for part in multipart_completion.list_parts(upload, multipart)}
        planned = _planned(upload, multipart, stored)
        if multipart.max_size_bytes is not None:
            # Before the object exists, so that its event always finds a size to verify it with.
            recorded = records.record_size(upload)
            if recorded.status is not Status.PENDING:
                return False
            if recorded.declared != upload.declared:
                raise SizeMismatch("Another request has declared another size or checksum meanwhile.")
        multipart_completion.complete(upload, multipart, planned)
    except PartsGone:
        return multipart_completion.has_object(upload.ref)
    except PartsBusy as error:
        # The other request may still fail. If there is no object, this client has to complete the upload.
        if not multipart_completion.has_object(upload.ref):
            raise CompletionConflict("Another request works on this object or its parts; complete again.") from error
    return True


def _planned(upload: Upload, multipart: Multipart, stored: Mapping[int, StoredPart]) -> list[StoredPart]:
    """Return the parts of the object, if S3 has each in its length; raises PartsMissing.

    Raises SizeMismatch if the size was not declared first, and S3 has more parts: the object would lack their bytes.
    """
    parts = multipart.parts(upload.declared)
    missing = parts.missing({number: part.size_bytes for number, part in stored.items()})
    if missing:
        raise PartsMissing(missing)
    if multipart.max_size_bytes is not None and len(stored) > parts.count:
        found = sum(part.size_bytes for part in stored.values())
        raise SizeMismatch(f"size_bytes is {parts.size_bytes}, but the parts together have {found} bytes.")
    return [stored[number] for number in range(1, parts.count + 1)]
