"""A task's container cannot change its own files."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import task_containers
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:ecs/taskDefinition:TaskDefinition",
    severity=Severity.MEDIUM,
    reason="Otherwise what an attacker changes in the image stays for the next job.",
    steps="Set readonlyRootFilesystem to true, and mount a volume for temporary files.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html",
    controls=("ECS.5",),
)
def check(resource: Resource) -> Iterator[str]:
    for container in task_containers(resource):
        if not container.flag("readonlyRootFilesystem"):
            yield f"readonlyRootFilesystem of {container.text('name')} is false."
