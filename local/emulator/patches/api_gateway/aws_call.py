"""One call of an AWS operation on the emulator, signed by a session of an IAM role."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import botocore.session
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import UnknownServiceError

from local.emulator import patching
from local.emulator.containers import endpoint, role_credentials

_PRINCIPAL = "apigateway.amazonaws.com"
_connections = urllib3.PoolManager(maxsize=64, retries=False)  # one for each of MiniStack's threads
_BOTOCORE_NAMES = {"states": "stepfunctions"}  # API Gateway uses the endpoint's name


class CallError(ValueError):
    """The integration names an operation or a role that cannot be used."""


@dataclass(frozen=True)
class Action:
    """An operation of a service with a JSON protocol."""

    operation: str
    target_prefix: str
    json_version: str
    signing_name: str
    region: str

    @classmethod
    @functools.cache
    def named(cls, service: str, operation: str, region: str) -> Self:
        """Look the operation up in botocore's models."""
        try:
            model = botocore.session.Session().get_service_model(_BOTOCORE_NAMES.get(service, service))
        except UnknownServiceError as error:
            raise CallError(f"botocore has no service {service!r}") from error
        metadata: Mapping[str, Any] = model.metadata
        if metadata["protocol"] != "json" or "query" in metadata.get("protocols", []):
            raise CallError(f"{service} has no JSON protocol, and local mode calls only services that have one")
        if operation not in model.operation_names:
            raise CallError(f"{service} has no operation {operation!r}")
        return cls(operation, metadata["targetPrefix"], metadata["jsonVersion"], model.signing_name, region)


def assume_role(arn: str) -> Credentials:
    """Return a session of the role, if the role trusts API Gateway."""
    account_id, _, path = arn.removeprefix("arn:aws:iam::").partition(":role/")
    name = path.rpartition("/")[2]
    role = patching.attribute("ministack.services.iam", "_roles").get_scoped(account_id, None, name)
    if role is None:
        raise CallError(f"the integration's credentials {arn!r} are not the ARN of a role")
    if not _trusts_api_gateway(role["AssumeRolePolicyDocument"]):
        raise CallError(f"API Gateway does not have permission to assume {arn}: its trust policy must allow it")
    return _session(arn)


@functools.cache
def _session(role_arn: str) -> Credentials:
    variables = role_credentials(role_arn, "BackplaneAssumeRoleSession")  # what CloudTrail shows for API Gateway
    return Credentials(*variables.values())


def _trusts_api_gateway(policy: str) -> bool:
    """Ask MiniStack's evaluator with each service as an AWS principal, because it does not support services."""
    document = json.loads(policy)
    for statement in document["Statement"]:
        principal = statement.get("Principal")
        if isinstance(principal, dict) and "Service" in principal:
            statement["Principal"] = {"AWS": principal["Service"]}
    return bool(patching.attribute("ministack.core.iam_evaluator", "evaluate_trust_policy")(document, _PRINCIPAL))


def send(
    action: Action, credentials: Credentials, body: str, headers: Mapping[str, str], timeout_seconds: float
) -> tuple[int, dict[str, str], str]:
    """Send the operation's JSON input; return status, headers and body of the response, also of an error."""
    url = f"{endpoint()}/"
    signed = {
        "Content-Type": f"application/x-amz-json-{action.json_version}",
        "X-Amz-Target": f"{action.target_prefix}.{action.operation}",
        **headers,
    }
    request = AWSRequest(method="POST", url=url, data=body.encode(), headers=signed)
    SigV4Auth(credentials, action.signing_name, action.region).add_auth(request)
    response = _connections.request(
        "POST", url, body=request.data, headers=dict(request.headers), timeout=timeout_seconds
    )
    return response.status, dict(response.headers), response.data.decode()
