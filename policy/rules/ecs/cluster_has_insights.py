"""A cluster publishes metrics of its tasks."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/cluster:Cluster",
    severity=Severity.LOW,
    reason="Otherwise nobody sees how many tasks run, and how full they are.",
    steps="Add the setting containerInsights with the value enabled.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html",
    controls=("ECS.12",),
)
def check(resource: Resource) -> Iterator[str]:
    values = {each.text("name"): each.text("value") for each in resource.blocks("settings")}
    if values.get("containerInsights") not in ("enabled", "enhanced"):
        yield "The setting containerInsights is not enabled."
