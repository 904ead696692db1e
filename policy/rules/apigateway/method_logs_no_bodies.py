"""Methods do not log requests and responses in full."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigateway/methodSettings:MethodSettings",
    "aws:apigatewayv2/stage:Stage",
    severity=Severity.HIGH,
    reason="Otherwise the log has tokens and presigned URLs, which everybody who reads logs can use.",
    steps="Set dataTraceEnabled to false, and log chosen fields in the access log.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
)
def check(resource: Resource) -> Iterator[str]:
    for name in ("settings", "defaultRouteSettings"):
        if resource.block(name).flag("dataTraceEnabled"):
            yield f"{name}.dataTraceEnabled is true."
