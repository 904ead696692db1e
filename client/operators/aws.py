"""boto3 as operators use it: its clients, and its errors as the client's own."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from ..errors import PortageError, TransportFault, WrongConfig

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_NOT_ACCEPTED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes of errors that say that AWS does not know the credentials, or not any more. Services have different ones."""


class OperatorRefused(PortageError):
    """AWS rejected an operator's request."""


def aws_client(service: str, region: str) -> Any:
    """Return boto3's client of a service. Raises WrongConfig without boto3 or the profile."""
    _require_boto3()
    import boto3  # noqa: PLC0415 - only operators need it
    from botocore.config import Config  # noqa: PLC0415 - as above

    make = cast("Callable[..., Any]", boto3.client)  # its overloads are unknown for services without stubs
    with aws_errors():
        return make(service, region_name=region, config=Config(connect_timeout=5, retries={"mode": "standard"}))


def _require_boto3() -> None:
    if find_spec("boto3") is None:
        raise WrongConfig("this command needs boto3: pip install boto3, or the client as portage-client[operator]")


def client_error_text(error: "ClientError") -> str:
    """Return what AWS answered. Some errors have no message."""
    described = error.response.get("Error", {})
    if described.get("Message"):
        return str(error)
    return f"{error.operation_name} answered {described.get('Code') or 'an error'} with no message"


@contextmanager
def known_operator() -> Generator[None]:
    """Raise WrongConfig if boto3 has no credentials, or AWS does not accept them. Other errors stay as they are."""
    _require_boto3()
    from botocore import exceptions  # noqa: PLC0415 - as above

    missing = (
        exceptions.CredentialRetrievalError,
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
        exceptions.SSOError,
    )
    try:
        yield
    except (*missing, exceptions.ClientError) as error:
        if isinstance(error, missing) or error.response.get("Error", {}).get("Code") in _NOT_ACCEPTED:
            raise WrongConfig(
                f"{str(error).rstrip('.')}: sign in to AWS as an operator, for example with AWS_PROFILE"
            ) from error
        raise


@contextmanager
def aws_errors() -> Generator[None]:
    """Raise boto3's errors as the client's own."""
    _require_boto3()
    from botocore import exceptions  # noqa: PLC0415 - as above

    try:
        with known_operator():
            yield
    except exceptions.ClientError as error:
        raise OperatorRefused(client_error_text(error)) from error
    except exceptions.BotoCoreError as error:
        raise TransportFault(str(error)) from error
