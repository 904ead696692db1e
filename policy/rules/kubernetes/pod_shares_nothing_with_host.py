"""A workload shares nothing with its node."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.HIGH,
    reason="A pod on the node's network can use the node's role; its folders have the secrets of other pods.",
    steps="Remove hostNetwork, hostPID, hostIPC, hostPort and hostPath.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
)
def check(resource: Resource) -> Iterator[str]:
    pod = pod_of(resource)
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.flag(name):
            yield f"{name} is true."
    for volume in pod.blocks("volumes"):
        if volume.has("hostPath"):
            yield f"The volume {volume.text('name')} is a folder of the node."
    for container in containers_of(pod):
        for port in container.blocks("ports"):
            if port.number("hostPort"):
                yield f"{container.text('name')} has the hostPort {port.number('hostPort'):.0f}."
