"""AWS's JSON protocols (DynamoDB, Secrets Manager) by a light client: parameters and answers are unchecked.

Sources: Smithy, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
"""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from handlers.aws.client import AwsClient, AwsError, Request
from handlers.aws.endpoints import partition_of
from handlers.aws.http_connection import Answer, BrokenAnswer


class Calls(Protocol):
    """A service's operations by their names, with parameters and answers in the service's own JSON.

    What the database code is written against: AwsJson where somebody waits for a cold start, and Boto3Json where not.
    """

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; raises AwsError where the service refuses."""
        ...


class Service(NamedTuple):
    """What the client has to know of a service."""

    name: str
    """In its host and in signatures."""
    endpoint_variable: str
    target_prefix: str
    json_version: str


DYNAMODB = Service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "DynamoDB_20120810", "1.0")
SECRETS_MANAGER = Service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager", "1.1")


class AwsJson(AwsClient):
    """One service's operations; the keyword arguments are AwsClient's."""

    def __init__(self, service: Service, region: str, **timing: Any) -> None:
        super().__init__(service.name, region, endpoint_url(service, region), **timing)
        self._protocol = service

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; raises AwsError or NoAnswer once it is not worth another attempt."""
        headers = {
            "Content-Type": f"application/x-amz-json-{self._protocol.json_version}",
            "X-Amz-Target": f"{self._protocol.target_prefix}.{operation}",
        }
        body = json.dumps(parameters, separators=(",", ":")).encode()
        return json.loads(self._answer(operation, Request("POST", "/", headers, body)).body)

    def _check(self, answer: Answer) -> None:
        """Compare DynamoDB's checksum of its answer; the SDK tries again where it is wrong."""
        expected = answer.headers.get("x-amz-crc32")
        if expected is None:
            return
        from zlib import crc32  # noqa: PLC0415 - Secrets Manager sends none

        if crc32(answer.body) != int(expected):
            raise BrokenAnswer(f"{len(answer.body)} bytes came that do not have the checksum {expected}")

    def _error(self, answer: Answer) -> AwsError:
        """Name the exception as the SDK does: by __type without its namespace, else by the status."""
        try:
            told: object = json.loads(answer.body)
        except ValueError:
            told = None
        body: dict[str, Any] = told if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        code = str(body.get("__type") or answer.status).rpartition("#")[2]
        message = body.get("message") or body.get("Message") or "no message"
        return AwsError(code, str(message), answer.status, body)


def endpoint_url(service: Service, region: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return where a service answers, unless one of the SDK's variables says otherwise."""
    return (
        environ.get(service.endpoint_variable)
        or environ.get("AWS_ENDPOINT_URL")
        or f"https://{service.name}.{region}.{partition_of(region).dns_suffix}"
    )
