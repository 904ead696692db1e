"""A task's container has a log."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import task_containers
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/taskDefinition:TaskDefinition",
    severity=Severity.MEDIUM,
    reason="Nobody can see otherwise why a job failed.",
    steps="Set logConfiguration, such as awslogs with a log group.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html",
    controls=("ECS.9",),
)
def check(resource: Resource) -> Iterator[str]:
    for container in task_containers(resource):
        if not container.has("logConfiguration"):
            yield f"{container.text('name')} has no logConfiguration."
