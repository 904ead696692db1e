"""A state machine logs its executions."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sfn/stateMachine:StateMachine",
    severity=Severity.MEDIUM,
    reason="An Express execution leaves no other trace, and the history of a Standard one ends after 90 days.",
    steps="Set loggingConfiguration with a level and a log group.",
    source="https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    controls=("StepFunctions.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("loggingConfiguration").text("level", "OFF") == "OFF":
        yield "loggingConfiguration.level is OFF."
