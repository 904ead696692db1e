"""A cluster's endpoint is not open to the whole internet."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:eks/cluster:Cluster",
    severity=Severity.HIGH,
    reason="Otherwise anybody can use an error in Kubernetes' API.",
    steps="Set endpointPublicAccess to false, or publicAccessCidrs to your own networks.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    controls=("EKS.1",),
)
def check(resource: Resource) -> Iterator[str]:
    network = resource.block("vpcConfig")
    if not network.flag("endpointPublicAccess", default=True):
        return
    sources = network.texts("publicAccessCidrs") or ["0.0.0.0/0"]
    if any(each in ("0.0.0.0/0", "::/0") for each in sources):
        yield "endpointPublicAccess is true for all addresses."
