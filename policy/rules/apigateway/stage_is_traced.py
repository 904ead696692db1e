"""A stage of a REST API sends traces."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:apigateway/stage:Stage",
    severity=Severity.LOW,
    reason="Otherwise a slow request cannot be followed from the API to its function.",
    steps="Set xrayTracingEnabled to true.",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html",
    controls=("APIGateway.3",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.flag("xrayTracingEnabled"):
        yield "xrayTracingEnabled is false."
