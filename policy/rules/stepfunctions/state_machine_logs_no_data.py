"""A state machine's log leaves out the data of its steps."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:sfn/stateMachine:StateMachine",
    severity=Severity.LOW,
    reason="The data of steps names users' files, and may contain URLs.",
    steps="Set includeExecutionData to false; the execution's history still has the data.",
    source="https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("loggingConfiguration").flag("includeExecutionData"):
        yield "loggingConfiguration.includeExecutionData is true."
