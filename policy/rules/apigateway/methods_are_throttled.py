"""Methods have limits of rate and burst."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigateway/methodSettings:MethodSettings",
    severity=Severity.MEDIUM,
    reason="One client can otherwise use up the account's quota of requests, and of concurrent functions.",
    steps="Set throttlingRateLimit and throttlingBurstLimit.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html",
)
def check(resource: Resource) -> Iterator[str]:
    settings = resource.block("settings")
    for name in ("throttlingRateLimit", "throttlingBurstLimit"):
        if settings.number(name, -1) < 0:
            yield f"settings.{name} is not set."
