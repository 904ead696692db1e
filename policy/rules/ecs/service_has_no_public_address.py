"""A service's tasks have no public addresses."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/service:Service",
    severity=Severity.HIGH,
    reason="Tasks can otherwise be reached from the internet.",
    steps="Set assignPublicIp to false, and reach AWS by VPC endpoints or NAT.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html",
    controls=("ECS.2",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("networkConfiguration").flag("assignPublicIp"):
        yield "networkConfiguration.assignPublicIp is true."
