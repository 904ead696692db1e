"""A workload does not run as root."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.HIGH,
    reason="Otherwise an error in the kernel or the runtime gives root on the node.",
    steps="Set securityContext.runAsNonRoot of the pod to true.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
)
def check(resource: Resource) -> Iterator[str]:
    pod = pod_of(resource)
    whole = pod.block("securityContext").flag("runAsNonRoot")
    for container in containers_of(pod):
        if not container.block("securityContext").flag("runAsNonRoot", default=whole):
            yield f"{container.text('name')} may run as root: runAsNonRoot is false."
