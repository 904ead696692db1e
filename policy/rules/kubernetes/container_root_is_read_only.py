"""A workload's containers cannot change their own files."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.MEDIUM,
    reason="Otherwise what an attacker changes in the image stays for the next job.",
    steps="Set readOnlyRootFilesystem to true, and mount an emptyDir for temporary files.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/security-context/",
)
def check(resource: Resource) -> Iterator[str]:
    for container in containers_of(pod_of(resource)):
        if not container.block("securityContext").flag("readOnlyRootFilesystem"):
            yield f"readOnlyRootFilesystem of {container.text('name')} is false."
