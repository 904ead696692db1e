"""Exit codes of the `portage` command."""

from enum import IntEnum
from http import HTTPStatus

from client.errors import (
    ApiProblem,
    EmptyFile,
    FileChanged,
    NotFinished,
    NothingToResume,
    NotSignedIn,
    PartsDiffer,
    PortageError,
    SignInRefused,
    TransportFault,
    UploadEnded,
    WrongConfig,
    WrongDeclaration,
)
from client.models import Upload
from client.program import PROGRAM
from client.retry import passes


class Exit(IntEnum):
    """Each means one thing to do next."""

    DONE = 0
    NO_RESULT = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    REFUSED = 4
    TRY_AGAIN = 5
    FILE = 6
    REJECTED = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.NO_RESULT: "the upload failed, was aborted or expired; get: there is no result yet",
    Exit.USAGE: "wrong usage or configuration",
    Exit.NOT_SIGNED_IN: f"not signed in, or the sign-in was refused: run `{PROGRAM} login`",
    Exit.REFUSED: "Portage or S3 refused the request",
    Exit.TRY_AGAIN: f"network or server error, or timeout: run the same command again, or `{PROGRAM} resume`",
    Exit.FILE: "the file cannot be read or written, is empty, has changed, or has no upload to resume",
    Exit.REJECTED: "the upload was rejected: its bytes differ from the declaration, or are not allowed",
    Exit.INTERRUPTED: f"interrupted: `{PROGRAM} resume` continues uploads in parts; run put again for others",
}


_BY_KIND = (
    ((WrongConfig, WrongDeclaration), Exit.USAGE),
    ((SignInRefused, NotSignedIn), Exit.NOT_SIGNED_IN),
    (UploadEnded, Exit.NO_RESULT),
    ((TransportFault, NotFinished), Exit.TRY_AGAIN),
    ((FileChanged, EmptyFile, NothingToResume, PartsDiffer), Exit.FILE),
)


def exit_of_error(error: PortageError | OSError) -> Exit:
    """Return the code that tells what went wrong."""
    for kinds, code in _BY_KIND:
        if isinstance(error, kinds):
            return code
    if not isinstance(error, PortageError):
        return Exit.FILE
    if isinstance(error, ApiProblem) and error.status == HTTPStatus.UNAUTHORIZED:
        return Exit.NOT_SIGNED_IN
    if isinstance(error, ApiProblem) and error.type.endswith("no-result"):
        return Exit.NO_RESULT
    return Exit.TRY_AGAIN if passes(error) else Exit.REFUSED


def exit_of_upload(upload: Upload) -> Exit:
    """Return the code that tells how an upload ended, if it did."""
    if upload.status == "rejected":
        return Exit.REJECTED
    return Exit.NO_RESULT if upload.is_finished and upload.status != "completed" else Exit.DONE
