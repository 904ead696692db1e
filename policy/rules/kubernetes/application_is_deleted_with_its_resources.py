"""An Argo CD Application deletes its resources before it is gone."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "kubernetes:argoproj.io/v1alpha1:Application",
    severity=Severity.LOW,
    reason=(
        "Load balancers and disks that its resources have made stay otherwise, and hold up the deletion of the VPC."
    ),
    steps="Add the finalizer resources-finalizer.argocd.argoproj.io.",
    source="https://argo-cd.readthedocs.io/en/stable/user-guide/app_deletion/",
)
def check(resource: Resource) -> Iterator[str]:
    finalizers = resource.block("metadata").texts("finalizers")
    if not any(each.startswith("resources-finalizer.argocd.argoproj.io") for each in finalizers):
        yield "metadata.finalizers does not have resources-finalizer.argocd.argoproj.io."
