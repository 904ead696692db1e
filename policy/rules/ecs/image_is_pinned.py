"""A task's container names its image by digest."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import task_containers
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/taskDefinition:TaskDefinition",
    severity=Severity.MEDIUM,
    reason="Otherwise tasks that start later can run another image than the one that was reviewed.",
    steps="Name the image as NAME@sha256:DIGEST.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/bestpracticesguide/container-considerations.html",
)
def check(resource: Resource) -> Iterator[str]:
    for container in task_containers(resource):
        if not (image := container.text("image")).rpartition("@sha256:")[0]:
            yield f"The image {image} can change."
