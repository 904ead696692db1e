"""An API's domain accepts TLS 1.2 or newer only."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


def require_tls12(resource: Resource, properties: Any) -> bool:
    """Set the policy."""
    if resource.text("securityPolicy", "TLS_1_0") != "TLS_1_0":
        return False
    properties["securityPolicy"] = "TLS_1_2"
    return True


@rule(
    "aws:apigateway/domainName:DomainName",
    severity=Severity.MEDIUM,
    reason="Older versions of TLS can be broken.",
    steps="Set securityPolicy to TLS_1_2 or one of the policies for TLS 1.3; the remediation sets TLS_1_2.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
    remedy=require_tls12,
)
def check(resource: Resource) -> Iterator[str]:
    policy = resource.text("securityPolicy", "TLS_1_0")
    if policy == "TLS_1_0":
        yield f"securityPolicy is {policy}."
