"""Containers of ECS tasks and of Kubernetes' workloads."""

from core.reading import Block
from core.resources import Resource

WORKLOADS = (
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:batch/v1:CronJob",
    "kubernetes:batch/v1:Job",
    "kubernetes:core/v1:Pod",
)
"""Types of Kubernetes with pods."""


def task_containers(definition: Resource) -> list[Block]:
    """Return the containers of an ECS task definition."""
    return definition.json("containerDefinitions")


def pod_of(workload: Resource) -> Block:
    """Return the spec of a workload's pods."""
    spec = workload.block("spec")
    if workload.type.endswith(":Pod"):
        return spec
    if workload.type.endswith(":CronJob"):
        spec = spec.block("jobTemplate").block("spec")
    return spec.block("template").block("spec")


def containers_of(pod: Block) -> list[Block]:
    """Return all containers of a pod, also those that run before the others."""
    return [*pod.blocks("initContainers"), *pod.blocks("containers")]
