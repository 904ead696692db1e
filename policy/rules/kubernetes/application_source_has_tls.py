"""An Argo CD Application reads its source with TLS or ssh."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "kubernetes:argoproj.io/v1alpha1:Application",
    severity=Severity.HIGH,
    reason="Otherwise an attacker on the network can put other manifests into the cluster.",
    steps="Use https, ssh or oci.",
    source="https://argo-cd.readthedocs.io/en/stable/user-guide/private-repositories/",
)
def check(resource: Resource) -> Iterator[str]:
    spec = resource.block("spec")
    for source in [*spec.blocks("source"), *spec.blocks("sources")]:
        if source.text("repoURL").startswith(("http://", "git://")):
            yield f"{source.text('repoURL')} has no TLS."
