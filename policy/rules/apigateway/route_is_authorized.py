"""A route of an HTTP or WebSocket API has an authorization type."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigatewayv2/route:Route",
    severity=Severity.HIGH,
    reason="Anybody can otherwise open connections, or call the route. A WebSocket API authorizes $connect alone.",
    steps=(
        "Set authorizationType to CUSTOM, JWT or AWS_IAM. A route of a WebSocket API other than $connect needs an"
        " exemption."
    ),
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-control-access.html",
    controls=("APIGateway.8",),
)
def check(resource: Resource) -> Iterator[str]:
    key = resource.text("routeKey")
    if (key.startswith("$") and key not in ("$connect", "$default")) or key.partition(" ")[0] == "OPTIONS":
        return
    if resource.text("authorizationType", "NONE") == "NONE":
        yield f"{key} has no authorizationType."
