"""Portage's Python client: declare a file, send it directly to S3, follow it until it is processed.

Installed alone (`pip install ./client`), it is the package `portage_client` with the command `portage`. Only
operators need boto3 and AWS credentials, for `portage redrive`, `doctor` and `verify --operator`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api.models import Checksum, CreatedUpload, Failure, PartPlan, ResultLink, ResultPlace, Upload
    from .api.uploads import Token, UploadsApi
    from .auth.cognito import Session, UserPool
    from .errors import (
        ApiProblem,
        EmptyFile,
        FileChanged,
        ForeignAnswer,
        NotFinished,
        NothingToResume,
        NotSignedIn,
        PartsDiffer,
        PortageError,
        ProblemType,
        S3Refused,
        ServiceUnavailable,
        SignInRefused,
        SizeDiffers,
        StreamTooLong,
        TransportFault,
        UnexpectedAnswer,
        UntrustedCertificate,
        UploadEnded,
        WrongConfig,
        WrongDeclaration,
        WrongUsage,
    )
    from .portage import Pace, Portage, follow
    from .retry import RetryPolicy
    from .transfer.config import OnProgress, Progress, TransferConfig
    from .transfer.single_request import put_file
    from .transfer.state import Unfinished

__version__ = "0.1.0"

__all__ = [
    "ApiProblem",
    "Checksum",
    "CreatedUpload",
    "EmptyFile",
    "Failure",
    "FileChanged",
    "ForeignAnswer",
    "NotFinished",
    "NotSignedIn",
    "NothingToResume",
    "OnProgress",
    "Pace",
    "PartPlan",
    "PartsDiffer",
    "Portage",
    "PortageError",
    "ProblemType",
    "Progress",
    "ResultLink",
    "ResultPlace",
    "RetryPolicy",
    "S3Refused",
    "ServiceUnavailable",
    "Session",
    "SignInRefused",
    "SizeDiffers",
    "StreamTooLong",
    "Token",
    "TransferConfig",
    "TransportFault",
    "UnexpectedAnswer",
    "Unfinished",
    "UntrustedCertificate",
    "Upload",
    "UploadEnded",
    "UploadsApi",
    "UserPool",
    "WrongConfig",
    "WrongDeclaration",
    "WrongUsage",
    "follow",
    "put_file",
]

_MODULES = (
    ".errors",
    ".retry",
    ".transfer.config",
    ".api.models",
    ".api.uploads",
    ".auth.cognito",
    ".transfer.state",
    ".transfer.single_request",
    ".portage",
)
"""Where names are, each imported at the first use of one: `portage --help` must not wait for HTTP."""


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in _MODULES:
            names = vars(import_module(module, __name__))
            if name in names:
                return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
