"""A log group keeps events for a time, not for ever."""

from collections.abc import Iterator
from typing import Any

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


def set_retention(resource: Resource, properties: Any) -> bool:
    """Set the retention where there is none."""
    if resource.number("retentionInDays") != 0:
        return False
    days = resource.settings.number("remediatedLogRetentionDays")
    properties["retentionInDays"] = days
    return True


@rule(
    "aws:cloudwatch/logGroup:LogGroup",
    severity=Severity.MEDIUM,
    reason="Logs otherwise cost money for ever, and keep personal data longer than needed.",
    steps="Set retentionInDays; the remediation sets the configured number of days where there is none.",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    controls=("CloudWatch.16",),
    settings=("logRetentionDays", "remediatedLogRetentionDays"),
    remedy=set_retention,
)
def check(resource: Resource) -> Iterator[str]:
    days, least = resource.number("retentionInDays"), resource.settings.number("logRetentionDays")
    if days == 0:
        yield "retentionInDays is not set."
    elif days < least:
        yield f"retentionInDays is {days:.0f}, but must be at least {least:.0f}."
