"""A function sends traces."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/function:Function",
    severity=Severity.LOW,
    reason="Otherwise nobody sees which call of a slow or failed request took the time.",
    steps="Set tracingConfig.mode to Active, and let the role send segments.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    controls=("Lambda.7",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("tracingConfig").text("mode") != "Active":
        yield "tracingConfig.mode is not Active."
