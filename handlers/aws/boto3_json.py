"""The same calls as json_client.py's, with boto3, for the functions that need its other clients anyway."""

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from handlers.aws.client import AwsError, NoAnswer


class Boto3Json:
    """One service's operations over a boto3 client, which checks their parameters."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; raises AwsError if the service returns an error, or NoAnswer."""
        try:
            return getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as cause:
            response: dict[str, Any] = dict(cause.response)
            error, status = response["Error"], response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            # Without the cause, because its text may contain the signed request, which Lambda would log.
            raise AwsError(error["Code"], error.get("Message", "no message"), status, response) from None
        except (NoConnection, HTTPClientError) as error:
            raise NoAnswer(str(error)) from error
