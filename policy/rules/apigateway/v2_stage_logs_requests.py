"""A stage of an HTTP or WebSocket API writes an access log."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigatewayv2/stage:Stage",
    severity=Severity.MEDIUM,
    reason="Otherwise nobody can see later who was connected.",
    steps="Set accessLogSettings with the ARN of a log group and a format.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html",
    controls=("APIGateway.9",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.block("accessLogSettings").has("destinationArn"):
        yield "There is no accessLogSettings.destinationArn."
