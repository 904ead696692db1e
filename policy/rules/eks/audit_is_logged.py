"""A cluster writes an audit log."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:eks/cluster:Cluster",
    severity=Severity.MEDIUM,
    reason="Nobody can see otherwise who changed what in the cluster.",
    steps="Add audit and authenticator to enabledClusterLogTypes.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html",
    controls=("EKS.8",),
)
def check(resource: Resource) -> Iterator[str]:
    if "audit" not in resource.texts("enabledClusterLogTypes"):
        yield "enabledClusterLogTypes does not have audit."
