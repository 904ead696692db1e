"""Portage's Python client: declare a file, send it straight to S3, follow it until it is processed.

It needs urllib3 and nothing else: neither boto3 nor AWS credentials.
"""

from client.api import CreatedUpload, Failure, ResultPlace, Upload, UploadsApi
from client.errors import (
    ApiProblem,
    NotFinished,
    PortageError,
    S3Refused,
    SignInRefused,
    SizeDiffers,
    TransportFault,
    UnexpectedAnswer,
)
from client.following import Pace, follow
from client.portage import Portage
from client.session import Session, UserPool
from client.transfer import put_file

__all__ = [
    "ApiProblem",
    "CreatedUpload",
    "Failure",
    "NotFinished",
    "Pace",
    "Portage",
    "PortageError",
    "ResultPlace",
    "S3Refused",
    "Session",
    "SignInRefused",
    "SizeDiffers",
    "TransportFault",
    "UnexpectedAnswer",
    "Upload",
    "UploadsApi",
    "UserPool",
    "follow",
    "put_file",
]
