"""An upload as the API shows it: the same fields as GET /uploads/{upload_id}, which is answered without a Lambda."""

from typing import Any

from handlers.domain.upload import Status, Upload, iso


def upload_view(upload: Upload) -> dict[str, Any]:
    """Shape the contract's Upload."""
    view: dict[str, Any] = {
        "upload_id": upload.ref.upload_id,
        "status": str(upload.status),
        "version": upload.version,
        "file_name": upload.declared.file_name,
        "content_type": upload.declared.content_type,
        "size_bytes": upload.declared.size_bytes,
        "created_at": iso(upload.created_at),
        "updated_at": iso(upload.updated_at),
    }
    if upload.status is Status.COMPLETED:
        view["result"] = upload.result
    if upload.status is Status.FAILED:
        view["failure"] = upload.failure
    if upload.status is Status.REJECTED:
        view["rejection"] = upload.rejection
    return view
