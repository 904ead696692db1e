"""Errors of the client: one class for each cause that needs another reaction.

PortageError
├── TransportFault               no answer from the service: try again later
│   ├── ForeignAnswer            a proxy or the sign-in page of a network answered
│   ├── ServiceUnavailable       Cognito answered that it cannot answer now
│   └── StaleConnection          the server closed an idle connection
├── UnexpectedAnswer             an answer does not match the contract
├── ApiProblem                   the API rejected the request
├── S3Refused                    S3 rejected the request
├── SignInRefused                Cognito rejected the sign-in
├── NotSignedIn                  no sign-in is stored on this machine
├── WrongConfig                  a setting of this machine is wrong
│   └── UntrustedCertificate     no trusted authority issued the server's certificate
├── WrongUsage                   the command was called in a way that cannot work
├── WrongDeclaration             the API would reject the declaration of this file
├── EmptyFile                    the file has 0 bytes
├── StreamTooLong                standard input has more bytes than an upload may have
├── FileChanged                  the file is not the one that was declared
│   └── SizeDiffers              its size is another one
├── PartsDiffer                  another device sends other bytes to the same upload
├── UploadEnded                  the upload accepts no more bytes
├── NothingToResume              no unfinished upload of this file is known
└── NotFinished                  the upload did not end before the timeout
"""

import sys
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

PROGRAM = "python -m client" if Path(sys.argv[0]).parts[-2:] == ("client", "__main__.py") else "portage"
"""The command in messages and help: the one that the user typed."""

PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses of answers to a request that may succeed later."""

# The 400s and 409s with a cause in the transfer, not in the request. Source: S3 API reference, "Error responses".
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "BadDigest", "IncompleteBody", "ConditionalRequestConflict"})


def reason(error: BaseException) -> str:
    """Return the message of an error, without the number and file name that Python adds to an OSError."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


class PortageError(Exception):
    """Base class of all errors of the client."""

    retry_after_seconds: float | None = None
    """From the Retry-After header of an answer."""

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return False


class TransportFault(PortageError):
    """There was no answer: DNS failed, the connection failed or broke, or a timeout expired."""

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return True


class ForeignAnswer(TransportFault):
    """Another system answered instead of the service: a proxy, or the sign-in page of a network."""

    def __init__(
        self, place: str, status: int, body: str, retry_after_seconds: float | None, service: str = "S3"
    ) -> None:
        super().__init__(
            f"something between this machine and {place} answered instead of {service}, with status {status} and "
            f"{body!r}: check the proxy, or sign in to the network"
        )
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class ServiceUnavailable(TransportFault):
    """Cognito answered with an error of its own, or limits the rate of requests."""

    def __init__(self, code: str, message: str, status: int, retry_after_seconds: float | None) -> None:
        super().__init__(f"Cognito answered {status} {code}: {message}")
        self.code = code
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class StaleConnection(TransportFault):
    """The server closed an idle keep-alive connection. Retry immediately on a new one."""


class UnexpectedAnswer(PortageError):
    """An answer does not match the contract."""


class ProblemType(StrEnum):
    """The problems that the API answers with (RFC 9457), by the last part of their type."""

    INVALID_REQUEST = "invalid-request"
    INVALID_SESSION = "invalid-session"
    QUOTA_EXCEEDED = "quota-exceeded"
    UPLOAD_NOT_FOUND = "upload-not-found"
    IDEMPOTENCY_CONFLICT = "idempotency-conflict"
    NOT_OPEN = "not-open"
    NO_RESULT = "no-result"
    PARTS_MISSING = "parts-missing"
    SIZE_MISMATCH = "size-mismatch"
    COMPLETION_CONFLICT = "completion-conflict"
    OTHER = ""
    """An answer of API Gateway, a newer problem, or none."""

    @classmethod
    def _missing_(cls, value: object) -> "ProblemType":  # noqa: ARG003 - its name is the base class's
        return cls.OTHER


class ApiProblem(PortageError):
    """The API rejected the request with a problem document (RFC 9457)."""

    def __init__(
        self,
        *,
        problem_type: str,
        title: str,
        status: int,
        detail: str,
        request_id: str,
        upload_id: str | None = None,
        upload_status: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.type = problem_type
        """`about:blank` if the answer has no problem document."""
        self.kind = ProblemType(problem_type.rpartition(":")[2])
        self.title = title
        self.status = status
        self.detail = detail
        self.request_id = request_id
        """Identifies the request in the logs. Empty if the answer has none."""
        self.upload_id = upload_id
        self.upload_status = upload_status
        """ID and status of the upload, if the status is the reason for the rejection."""
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in PASSING

    @property
    def is_over(self) -> bool:
        """Whether the upload accepts no more bytes or does not exist."""
        return self.kind in {ProblemType.NOT_OPEN, ProblemType.UPLOAD_NOT_FOUND}


class S3Refused(PortageError):
    """S3 rejected the request."""

    def __init__(self, code: str, message: str, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"S3 answered {status} {code}: {message}")
        self.code = code
        """S3's error code, such as SignatureDoesNotMatch. Empty if the answer is not S3's XML."""
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in PASSING or self.code in _PASSING_CODES


class SignInRefused(PortageError):
    """Cognito rejected a sign-up or sign-in."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """Cognito's exception name, such as NotAuthorizedException."""
        self.message = message


class NotSignedIn(PortageError):
    """This machine has no stored sign-in for this user pool, or the e-mail address or password is empty."""


class WrongConfig(PortageError):
    """The configuration file or an environment variable is missing or wrong."""


class UntrustedCertificate(WrongConfig):
    """None of the authorities that this machine trusts issued the server's certificate."""

    def __init__(self, place: str, cause: str, setting: str) -> None:
        super().__init__(
            f"the certificate of {place} is not trusted: {cause}. If a proxy of your network issued it, write the "
            f"path of a file with its authority (PEM) into {setting}"
        )


class WrongUsage(PortageError):
    """The command was called in a way that cannot work."""


class WrongDeclaration(PortageError):
    """The API would reject this declaration of a file."""


class EmptyFile(PortageError):
    """The file has 0 bytes. Uploads have at least 1."""


class StreamTooLong(PortageError):
    """A stream has more bytes than the API allows for an upload."""


class FileChanged(PortageError):
    """The file has changed since it was declared, so S3 would store a mixture."""


class SizeDiffers(FileChanged):
    """The size of the file is not the declared one, so S3 would reject it or store only part of it."""


class PartsDiffer(PortageError):
    """S3 has other parts than this machine sent, because another device sends to the same upload."""


class UploadEnded(PortageError):
    """The upload accepts no more bytes: it was aborted, is unknown, or has expired (S3 has deleted its parts)."""

    def __init__(self, upload_id: str, status: str) -> None:
        super().__init__(f"upload {upload_id} is {status} and accepts no more bytes: upload the file again")
        self.upload_id = upload_id
        self.status = status


class NothingToResume(PortageError):
    """This machine has no unfinished upload of this version of the file."""


class NotFinished(PortageError, TimeoutError):
    """An upload did not end before the timeout. It may still end."""
