"""A REST API's own address accepts TLS 1.2 or newer only."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigateway/restApi:RestApi",
    severity=Severity.MEDIUM,
    reason="Older versions of TLS can be broken.",
    steps=(
        "Set securityPolicy to a policy for TLS 1.2 or 1.3, such as SecurityPolicy_TLS13_1_2_2021_06, or "
        "disableExecuteApiEndpoint if the API has a domain."
    ),
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html",
)
def check(resource: Resource) -> Iterator[str]:
    policy = resource.text("securityPolicy", "TLS_1_0")
    if policy == "TLS_1_0" and not resource.flag("disableExecuteApiEndpoint"):
        yield "securityPolicy is TLS_1_0 or not set."
