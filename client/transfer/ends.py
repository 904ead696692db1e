"""How uploads end: completed by another request, or aborted because nothing can complete them."""

from http import HTTPStatus

from ..api.models import ENDED_EARLY, Upload
from ..api.uploads import UploadsApi
from ..errors import PROGRAM, ApiProblem, PortageError, ProblemType, S3Refused, UploadEnded

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


def completed_elsewhere(api: UploadsApi, upload_id: str, refused: S3Refused | ApiProblem) -> Upload:
    """Return the upload if another request completed it. Otherwise raises the reason why it accepts no more parts."""
    if refused.status not in _GONE or (isinstance(refused, S3Refused) and refused.code != "NoSuchUpload"):
        raise refused
    try:
        upload = api.get(upload_id)
    except ApiProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        raise UploadEnded(upload_id, "unknown") from refused
    if upload.status in ENDED_EARLY:
        raise UploadEnded(upload_id, upload.status) from refused
    if upload.status != "pending":
        return upload
    if isinstance(refused, ApiProblem) and not refused.is_over:
        raise refused
    try:
        return api.complete(upload_id)  # S3 may have completed it, and its event has not arrived
    except ApiProblem as problem:
        if not problem.is_over:
            raise
        ended = UploadEnded(upload_id, "expired")  # or S3 has deleted the old parts
        ended.add_note(problem.detail)
        raise ended from problem


def abort(api: UploadsApi, upload_id: str, error: BaseException) -> None:
    """Abort an upload that cannot be completed. Adds a note to the error on the result, or to another interruption."""
    try:
        api.abort(upload_id)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"Upload {upload_id} may be open: `{PROGRAM} abort {upload_id}` ends it.")
        raise
    except PortageError as problem:
        if isinstance(problem, ApiProblem) and problem.kind == ProblemType.NOT_OPEN:
            error.add_note(f"Upload {upload_id} has ended or is stored: `{PROGRAM} status {upload_id}` shows it.")
            return
        error.add_note(
            f"Upload {upload_id} could not be aborted, although it cannot be completed: {problem}. "
            f"`{PROGRAM} abort {upload_id}` tries again."
        )
    else:
        error.add_note(f"Upload {upload_id} is aborted.")
