"""A function that reads a stream has bounded retries and a place for failures."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    severity=Severity.HIGH,
    reason="One bad record otherwise blocks its shard until it expires, and is lost then.",
    steps="Set maximumRetryAttempts, bisectBatchOnFunctionError and destinationConfig.onFailure.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html",
)
def check(resource: Resource) -> Iterator[str]:
    source = resource.text("eventSourceArn")
    if source.split(":")[2:3] not in (["dynamodb"], ["kinesis"]):
        return
    if not resource.block("destinationConfig").block("onFailure").has("destinationArn"):
        yield "There is no destinationConfig.onFailure."
    if resource.number("maximumRetryAttempts", -1) < 0:
        yield "maximumRetryAttempts is not set, so it retries until records expire."
