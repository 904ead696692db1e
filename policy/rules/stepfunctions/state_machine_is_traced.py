"""A state machine sends traces."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sfn/stateMachine:StateMachine",
    severity=Severity.LOW,
    reason="Otherwise a slow step cannot be followed into its function.",
    steps="Set tracingConfiguration.enabled to true, and let the role send segments.",
    source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html",
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.block("tracingConfiguration").flag("enabled"):
        yield "tracingConfiguration.enabled is false."
