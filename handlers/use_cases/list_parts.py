"""The use case behind GET /uploads/{upload_id}/parts: what a client needs to continue an upload."""

from datetime import datetime
from typing import NamedTuple

from handlers.domain.upload import Status
from handlers.domain.upload_ref import UploadRef
from handlers.storage.multipart_completion import MultipartCompletion, PartsGone, StoredPart
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.session_issuer import PartsPlan, SessionIssuer


class StoredParts(NamedTuple):
    """The plan of an upload in parts, and the parts that S3 has. The names are the API's."""

    plan: PartsPlan
    parts: list[StoredPart]


def list_parts(
    ref: UploadRef,
    now: datetime,
    *,
    records: UploadStore,
    multipart_completion: MultipartCompletion,
    session_issuer: SessionIssuer,
) -> StoredParts:
    """Return the upload's parts in S3, and its plan with a new session; raises UnknownUpload or NotOpen."""
    upload = records.find(ref)
    multipart = upload.multipart
    if multipart is None:
        raise upload.without_parts()
    if upload.status is not Status.PENDING:
        raise upload.not_pending()
    try:
        parts = multipart_completion.list_parts(upload, multipart)
    except PartsGone as error:
        raise upload.parts_gone() from error
    return StoredParts(session_issuer.plan(upload, multipart, now), parts)
