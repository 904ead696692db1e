"""A function that reads a queue reports which messages failed."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    severity=Severity.MEDIUM,
    reason="One failed message otherwise returns its whole batch to the queue.",
    steps="Return batchItemFailures, and set functionResponseTypes to ReportBatchItemFailures.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def check(resource: Resource) -> Iterator[str]:
    if resource.text("eventSourceArn").split(":")[2:3] != ["sqs"]:
        return
    if (
        "ReportBatchItemFailures" not in resource.texts("functionResponseTypes")
        and resource.number("batchSize", 10) > 1
    ):
        yield "functionResponseTypes does not have ReportBatchItemFailures."
