"""A light client of AWS's JSON protocols (DynamoDB, Secrets Manager, SQS). It does not check parameters and answers.

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
    """Calls a service's operations by name, with parameters and answers in the service's own JSON.

    AwsJson implements it for the hot functions, Boto3Json for all others.
    """

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; raises AwsError if the service returns an error."""
        ...


class Service(NamedTuple):
    """What differs between services."""

    name: str
    """The name in its host and in signatures."""
    endpoint_variable: str
    target_prefix: str
    json_version: str


DYNAMODB = Service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "DynamoDB_20120810", "1.0")
SECRETS_MANAGER = Service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager", "1.1")
SQS = Service("sqs", "AWS_ENDPOINT_URL_SQS", "AmazonSQS", "1.0")


class AwsJson(AwsClient):
    """One service's operations; the keyword arguments are AwsClient's."""

    def __init__(self, service: Service, region: str, **timing: Any) -> None:
        super().__init__(service.name, region, endpoint_url(service, region), **timing)
        self._protocol = service

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; raises AwsError or NoAnswer after the last attempt."""
        headers = {
            "Content-Type": f"application/x-amz-json-{self._protocol.json_version}",
            "X-Amz-Target": f"{self._protocol.target_prefix}.{operation}",
        }
        body = json.dumps(parameters, separators=(",", ":")).encode()
        return json.loads(self._answer(operation, Request("POST", "/", headers, body)).body)

    def _check(self, answer: Answer) -> None:
        """Check DynamoDB's checksum of its answer; the SDK retries if it is wrong."""
        expected = answer.headers.get("x-amz-crc32")
        if expected is None:
            return
        from zlib import crc32  # noqa: PLC0415 - Secrets Manager sends none

        if crc32(answer.body) != int(expected):
            raise BrokenAnswer(f"the answer's {len(answer.body)} bytes do not have the checksum {expected}")

    def _error(self, answer: Answer) -> AwsError:
        """Return the error with the SDK's code: __type without its namespace, otherwise the status."""
        try:
            decoded: object = json.loads(answer.body)
        except ValueError:
            decoded = None
        body: dict[str, Any] = decoded if isinstance(decoded, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        code = str(body.get("__type") or answer.status).rpartition("#")[2]
        message = body.get("message") or body.get("Message") or "no message"
        return AwsError(code, str(message), answer.status, body)


def endpoint_url(service: Service, region: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the URL of a service: from the SDK's variables, otherwise its public one."""
    return (
        environ.get(service.endpoint_variable)
        or environ.get("AWS_ENDPOINT_URL")
        or f"https://{service.name}.{region}.{partition_of(region).dns_suffix}"
    )
