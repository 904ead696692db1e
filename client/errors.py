"""What can go wrong: one class for each party that can refuse, all under `PortageError`."""


def reason(error: BaseException) -> str:
    """Return what an error says, without the number and the file name that Python adds to an OSError."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


class PortageError(Exception):
    """Anything that kept an upload from going through."""


class TransportFault(PortageError):
    """No answer came: the name did not resolve, the connection failed or broke, or the time ran out."""


class ForeignAnswer(TransportFault):
    """Something between this machine and S3 answered instead of S3: a proxy, or the sign-in page of a network."""

    def __init__(self, place: str, status: int, body: str, retry_after_seconds: float | None) -> None:
        super().__init__(
            f"something between this machine and {place} answered instead of S3, with status {status} and {body!r}: "
            "check the proxy, or sign in to the network"
        )
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        """How long the answer asked to wait, if it did."""


class UnexpectedAnswer(PortageError):
    """An answer came that does not keep the contract, such as a proxy's page in the place of JSON."""


class ApiProblem(PortageError):
    """The API refused, and said why (RFC 9457)."""

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
        """`about:blank` where the answer carried no problem document."""
        self.title = title
        self.status = status
        self.detail = detail
        self.request_id = request_id
        """What the operator looks for in the logs; empty where the answer named none."""
        self.upload_status = upload_status
        """How far the upload is, where that is what the API refused for."""


class SignInRefused(PortageError):
    """Cognito refused to sign a user up or in."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """Cognito's exception name, such as NotAuthorizedException."""
        self.message = message


class S3Refused(PortageError):
    """S3 refused the bytes."""

    def __init__(self, code: str, message: str, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"S3 answered {status} {code}: {message}")
        self.code = code
        """S3's error code, such as SignatureDoesNotMatch; empty where the answer was not S3's XML."""
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        """How long the answer asked to wait, if it did."""


class FileChanged(PortageError):
    """The file is not what was declared any more, so what S3 has would be a mixture."""


class SizeDiffers(FileChanged):
    """The file is not as long as was declared, so S3 would refuse it or store half of it."""


class EmptyFile(PortageError):
    """The file has no bytes, and S3 no uploads of none."""


class WrongDeclaration(PortageError):
    """What was to be declared of a file is not what the API takes."""


class PartsDiffer(PortageError):
    """S3 has other parts than were sent: another device sends to the same upload."""


class UploadEnded(PortageError):
    """The upload takes no more bytes: it was aborted, is unknown, or has expired: S3 gave its parts up."""

    def __init__(self, upload_id: str, status: str) -> None:
        super().__init__(f"upload {upload_id} is {status} and takes no more bytes: upload the file anew")
        self.upload_id = upload_id
        self.status = status


class NothingToResume(PortageError):
    """No unfinished upload of this file, as it is now, is known on this machine."""


class NotFinished(PortageError, TimeoutError):
    """An upload reached no end in the time that was given; it may still do so."""


class WrongConfig(PortageError):
    """The configuration file is missing, or lacks what it must say."""


class NotSignedIn(PortageError):
    """No sign-in of this user pool is remembered on this machine, or nothing was given to sign in with."""
