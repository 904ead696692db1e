"""An Argo CD Application names the revision that it follows."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "kubernetes:argoproj.io/v1alpha1:Application",
    severity=Severity.MEDIUM,
    reason="It otherwise follows the default branch or the newest chart, also if that becomes another one.",
    steps="Set targetRevision to a branch, tag, commit or version.",
    source="https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/",
)
def check(resource: Resource) -> Iterator[str]:
    spec = resource.block("spec")
    for source in [*spec.blocks("source"), *spec.blocks("sources")]:
        if source.text("targetRevision", "HEAD") in ("", "*", "HEAD"):
            yield f"targetRevision of {source.text('repoURL')} is {source.text('targetRevision') or 'not set'}."
