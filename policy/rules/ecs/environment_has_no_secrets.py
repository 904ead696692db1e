"""A task's environment contains no secret."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import task_containers
from core.resources import Resource
from core.rule import rule
from core.secrets import is_secret


@rule(
    "aws:ecs/taskDefinition:TaskDefinition",
    severity=Severity.HIGH,
    reason="Otherwise everybody who may read the task definition can read the secret, and it stays in Pulumi's state.",
    steps="Use secrets with valueFrom.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
    controls=("ECS.8",),
)
def check(resource: Resource) -> Iterator[str]:
    for container in task_containers(resource):
        for variable in container.blocks("environment"):
            name = variable.text("name")
            if is_secret(name, variable.text("value")):
                yield f"{name} of {container.text('name')} seems to be a secret."
