"""A function logs to a log group of the program."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/function:Function",
    severity=Severity.MEDIUM,
    reason=(
        "Lambda otherwise creates one at the first log line: it keeps logs for ever, and the role must be able to"
        " create groups."
    ),
    steps="Add a LogGroup, and name it in loggingConfig.logGroup.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    group = resource.block("loggingConfig")
    groups = resource.stack.of("aws:cloudwatch/logGroup:LogGroup")
    if group.has("logGroup"):
        if any(each.urn in resource.references.get("loggingConfig", ()) for each in groups):
            return
        name = group.text("logGroup")
        if not any(name in each.identities() for each in groups):
            yield f"The log group {name} is not one of the program."
    elif all(each.is_known("name") for each in groups) and not any(
        f"/aws/lambda/{name}" in each.identities() for each in groups for name in resource.identities()
    ):
        yield "Neither loggingConfig.logGroup names a log group, nor is there one with Lambda's own name for it."
