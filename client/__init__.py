"""Portage's Python client: declare a file, send it directly to S3, follow it until it is processed.

Requires urllib3 and platformdirs, and rich for the `portage` command. Only an operator's `portage redrive` requires
boto3 and AWS credentials.
"""

from client.api import UploadsApi
from client.errors import (
    ApiProblem,
    EmptyFile,
    FileChanged,
    ForeignAnswer,
    NotFinished,
    NothingToResume,
    PartsDiffer,
    PortageError,
    S3Refused,
    SignInRefused,
    SizeDiffers,
    TransportFault,
    UnexpectedAnswer,
    UploadEnded,
    WrongDeclaration,
)
from client.following import Pace, follow
from client.models import Checksum, CreatedUpload, Failure, PartPlan, ResultLink, ResultPlace, Upload
from client.portage import Portage
from client.progress import OnProgress, Progress
from client.retry import Backoff
from client.session import Session, UserPool
from client.state import Unfinished
from client.transfer import put_file
from client.tuning import Tuning

__all__ = [
    "ApiProblem",
    "Backoff",
    "Checksum",
    "CreatedUpload",
    "EmptyFile",
    "Failure",
    "FileChanged",
    "ForeignAnswer",
    "NotFinished",
    "NothingToResume",
    "OnProgress",
    "Pace",
    "PartPlan",
    "PartsDiffer",
    "Portage",
    "PortageError",
    "Progress",
    "ResultLink",
    "ResultPlace",
    "S3Refused",
    "Session",
    "SignInRefused",
    "SizeDiffers",
    "TransportFault",
    "Tuning",
    "UnexpectedAnswer",
    "Unfinished",
    "Upload",
    "UploadEnded",
    "UploadsApi",
    "UserPool",
    "WrongDeclaration",
    "follow",
    "put_file",
]
