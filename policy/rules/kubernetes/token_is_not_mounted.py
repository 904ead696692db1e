"""A workload that does not call Kubernetes has no token for it."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.LOW,
    reason="Otherwise an attacker who takes over a processor can use the token.",
    steps="Set automountServiceAccountToken to false, or exempt a workload that calls Kubernetes.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
)
def check(resource: Resource) -> Iterator[str]:
    if pod_of(resource).flag("automountServiceAccountToken", default=True):
        yield "automountServiceAccountToken is not false."
