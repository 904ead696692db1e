"""A queue hides a message at least as long as its function may run."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.relations import functions_behind
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    severity=Severity.HIGH,
    reason="Otherwise a second run starts on the object while the first one still holds its lease.",
    steps=(
        "Set visibilityTimeoutSeconds to at least the function's timeout and the batching window; AWS recommends "
        "six times the timeout."
    ),
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    for queue in resource.stack.behind(resource, "eventSourceArn", "aws:sqs/queue:Queue"):
        hidden = queue.number("visibilityTimeoutSeconds", 30)
        for function in functions_behind(resource, "functionName"):
            needed = function.number("timeout", 3) + resource.number("maximumBatchingWindowInSeconds")
            if hidden < needed:
                yield f"{queue.name} hides messages for {hidden:.0f} s, but {function.name} may take {needed:.0f} s."
