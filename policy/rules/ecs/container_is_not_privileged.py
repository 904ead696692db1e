"""A task's container has no privileges on its host."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import task_containers
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/taskDefinition:TaskDefinition",
    severity=Severity.HIGH,
    reason="Otherwise an attacker who takes over a processor can leave its container.",
    steps="Set privileged to false.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html",
    controls=("ECS.4",),
)
def check(resource: Resource) -> Iterator[str]:
    for container in task_containers(resource):
        if container.flag("privileged"):
            yield f"{container.text('name')} is privileged."
