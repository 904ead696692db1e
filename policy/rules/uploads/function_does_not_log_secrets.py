"""No function logs at a level at which an SDK logs secrets."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule

LEVELS = ("DEBUG", "TRACE")


@rule(
    "aws:lambda/function:Function",
    severity=Severity.HIGH,
    reason=(
        "Lambda sets this level on the root logger, and botocore logs credentials, signed URLs and secrets at DEBUG."
    ),
    steps="Use INFO or higher, or hold the SDK's loggers at INFO in the code and exempt the function.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html",
)
def check(resource: Resource) -> Iterator[str]:
    level = resource.block("loggingConfig").text("applicationLogLevel")
    if level in LEVELS:
        yield f"applicationLogLevel is {level}."
    variables = resource.block("environment").block("variables")
    for name in variables.names():
        if name.endswith("LOG_LEVEL") and variables.is_known(name) and variables.text(name).upper() in LEVELS:
            yield f"{name} is {variables.text(name)}."
