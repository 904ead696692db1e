"""Exit codes of the `portage` command."""

from enum import IntEnum
from http import HTTPStatus

from ..api.models import Upload
from ..errors import (
    PROGRAM,
    ApiProblem,
    EmptyFile,
    FileChanged,
    NotFinished,
    NothingToResume,
    NotSignedIn,
    PartsDiffer,
    PortageError,
    ProblemType,
    SignInRefused,
    TransportFault,
    UploadEnded,
    WrongConfig,
    WrongDeclaration,
    WrongUsage,
)


class ExitCode(IntEnum):
    """The exit codes. Each requires one reaction."""

    DONE = 0
    NO_RESULT = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    REFUSED = 4
    TRY_AGAIN = 5
    FILE = 6
    REJECTED = 7
    CASE_FAILED = 8
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.NO_RESULT: "the upload failed, was aborted or expired; get: there is no result yet; "
    "doctor: the report has an ERROR",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.NOT_SIGNED_IN: f"not signed in, or the sign-in was refused: run `{PROGRAM} login`",
    ExitCode.REFUSED: "Portage or S3 refused the request",
    ExitCode.TRY_AGAIN: f"network or server error, or timeout: run the same command again, or `{PROGRAM} resume`",
    ExitCode.FILE: "the file cannot be read or written, is empty, has changed, or has no upload to resume",
    ExitCode.REJECTED: "the upload was rejected: its bytes differ from the declaration, or are not allowed",
    ExitCode.CASE_FAILED: "verify: the stack does something else than a case requires",
    ExitCode.INTERRUPTED: f"interrupted: `{PROGRAM} resume` continues; 143 if SIGTERM, 129 if SIGHUP ended the command",
}


_BY_KIND = (
    ((WrongConfig, WrongUsage, WrongDeclaration), ExitCode.USAGE),
    ((SignInRefused, NotSignedIn), ExitCode.NOT_SIGNED_IN),
    (UploadEnded, ExitCode.NO_RESULT),
    ((TransportFault, NotFinished), ExitCode.TRY_AGAIN),
    ((FileChanged, EmptyFile, NothingToResume, PartsDiffer), ExitCode.FILE),
)


def exit_code_of_error(error: PortageError | OSError) -> ExitCode:
    """Return the exit code for an error."""
    for kinds, code in _BY_KIND:
        if isinstance(error, kinds):
            return code
    if not isinstance(error, PortageError):
        return ExitCode.FILE
    if isinstance(error, ApiProblem) and error.status == HTTPStatus.UNAUTHORIZED:
        return ExitCode.NOT_SIGNED_IN
    if isinstance(error, ApiProblem) and error.kind is ProblemType.NO_RESULT:
        return ExitCode.NO_RESULT
    return ExitCode.TRY_AGAIN if error.is_transient else ExitCode.REFUSED


def exit_code_of_upload(upload: Upload) -> ExitCode:
    """Return the exit code for the status of an upload."""
    if upload.status == "rejected":
        return ExitCode.REJECTED
    return ExitCode.NO_RESULT if upload.is_finished and upload.status != "completed" else ExitCode.DONE
