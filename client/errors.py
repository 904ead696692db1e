"""Errors of the client: one class for each system that can reject a request, all under `PortageError`."""


def reason(error: BaseException) -> str:
    """Return the message of an error, without the number and file name that Python adds to an OSError."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


class PortageError(Exception):
    """Base class of all errors of the client."""


class TransportFault(PortageError):
    """There was no answer: DNS failed, the connection failed or broke, or a timeout expired."""


class ForeignAnswer(TransportFault):
    """Another system answered instead of S3: a proxy, or the sign-in page of a network."""

    def __init__(self, place: str, status: int, body: str, retry_after_seconds: float | None) -> None:
        super().__init__(
            f"something between this machine and {place} answered instead of S3, with status {status} and {body!r}: "
            "check the proxy, or sign in to the network"
        )
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        """From the Retry-After header."""


class UnexpectedAnswer(PortageError):
    """An answer does not match the contract, for example a proxy's page instead of JSON."""


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
        upload_status: str | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.type = problem_type
        """`about:blank` if the answer has no problem document."""
        self.title = title
        self.status = status
        self.detail = detail
        self.request_id = request_id
        """Identifies the request in the logs. Empty if the answer has none."""
        self.upload_status = upload_status
        """Status of the upload, if it is the reason for the rejection."""


class SignInRefused(PortageError):
    """Cognito rejected a sign-up or sign-in."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """Cognito's exception name, such as NotAuthorizedException."""
        self.message = message


class S3Refused(PortageError):
    """S3 rejected the request."""

    def __init__(self, code: str, message: str, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"S3 answered {status} {code}: {message}")
        self.code = code
        """S3's error code, such as SignatureDoesNotMatch. Empty if the answer is not S3's XML."""
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        """From the Retry-After header."""


class FileChanged(PortageError):
    """The file has changed since it was declared, so S3 would store a mixture."""


class SizeDiffers(FileChanged):
    """The size of the file is not the declared one, so S3 would reject it or store only part of it."""


class EmptyFile(PortageError):
    """The file has 0 bytes. Uploads have at least 1."""


class WrongDeclaration(PortageError):
    """The API would reject this declaration of a file."""


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


class WrongConfig(PortageError):
    """The configuration file is missing or incomplete."""


class NotSignedIn(PortageError):
    """This machine has no stored sign-in for this user pool, or the e-mail address or password is empty."""
