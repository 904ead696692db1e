"""A workload's containers cannot gain privileges."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.containers import WORKLOADS, containers_of, pod_of
from core.resources import Resource
from core.rule import rule


@rule(
    *WORKLOADS,
    severity=Severity.HIGH,
    reason="Otherwise an attacker who takes over a processor can become root.",
    steps="Set allowPrivilegeEscalation to false, and capabilities.drop to ALL.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
)
def check(resource: Resource) -> Iterator[str]:
    for container in containers_of(pod_of(resource)):
        context, name = container.block("securityContext"), container.text("name")
        if context.flag("privileged"):
            yield f"{name} is privileged."
        if context.flag("allowPrivilegeEscalation", default=True):
            yield f"allowPrivilegeEscalation of {name} is not false."
        if "ALL" not in context.block("capabilities").texts("drop"):
            yield f"{name} does not drop the capabilities ALL."
