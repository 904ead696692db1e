"""The use case behind GET /uploads/{upload_id}/parts: what a client needs to continue an upload."""

from handlers.domain.errors import NotOpen
from handlers.domain.upload import Multipart, Status, Upload, UploadRef
from handlers.storage.multipart_completion import MultipartCompletion, PartsGone, StoredPart
from handlers.storage.upload_store import UploadStore


def list_parts(
    ref: UploadRef, *, records: UploadStore, multipart_completion: MultipartCompletion
) -> tuple[Upload, Multipart, list[StoredPart]]:
    """Return an upload, its plan, and its parts in S3; raises UnknownUpload or NotOpen."""
    upload = records.find(ref)
    multipart = upload.multipart
    if multipart is None:
        raise NotOpen.without_parts(upload)
    if upload.status is not Status.PENDING:
        raise NotOpen.not_pending(upload)
    try:
        return upload, multipart, multipart_completion.list_parts(upload, multipart)
    except PartsGone as error:
        raise NotOpen.parts_gone(upload) from error
