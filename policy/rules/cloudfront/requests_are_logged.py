"""A distribution logs requests."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudfront/distribution:Distribution",
    severity=Severity.LOW,
    reason="Nobody can see otherwise who loaded the page.",
    steps="Set loggingConfig, or add a LogDeliverySource for the distribution.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/AccessLogs.html",
    controls=("CloudFront.5",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("loggingConfig").has("bucket"):
        return
    deliveries = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
    if not resource.stack.perhaps_attached(resource, deliveries, "resourceArn"):
        yield "There is neither loggingConfig nor a LogDeliverySource."
