"""A workload's containers have requests and a limit of memory."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.MEDIUM,
    reason="One large file could otherwise take the memory of all other pods of its node.",
    steps="Set resources.requests and resources.limits.memory.",
    source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
)
def check(resource: Resource) -> Iterator[str]:
    for container in containers_of(pod_of(resource)):
        resources, name = container.block("resources"), container.text("name")
        if not resources.block("limits").has("memory"):
            yield f"{name} has no limit of memory."
        if not resources.block("requests").has("cpu") or not resources.block("requests").has("memory"):
            yield f"{name} does not request cpu and memory."
