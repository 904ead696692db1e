"""A WebSocket or HTTP API's domain accepts TLS 1.2 or newer only."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from core.reading import changeable
from core.resources import Resource
from core.rule import rule


def require_tls12(resource: Resource, properties: Any) -> bool:
    """Set the policy."""
    if resource.block("domainNameConfiguration").text("securityPolicy") != "TLS_1_0":
        return False
    changeable(properties, "domainNameConfiguration")["securityPolicy"] = "TLS_1_2"
    return True


@rule(
    "aws:apigatewayv2/domainName:DomainName",
    severity=Severity.MEDIUM,
    reason="Older versions of TLS can be broken.",
    steps="Set securityPolicy to TLS_1_2; the remediation does.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
    remedy=require_tls12,
)
def check(resource: Resource) -> Iterator[str]:
    policy = resource.block("domainNameConfiguration").text("securityPolicy")
    if policy == "TLS_1_0":
        yield f"domainNameConfiguration.securityPolicy is {policy}."
