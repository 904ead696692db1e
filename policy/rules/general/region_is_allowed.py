"""Resources are in allowed regions."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule
from rules.general.required_tags_are_set import TAGGED


@rule(
    "pulumi:providers:aws",
    *TAGGED,  # since version 7 of the provider, a resource may have a region of its own
    severity=Severity.HIGH,
    reason="Users' files must stay where you have promised to keep them.",
    steps="Set aws:region to an allowed region, or add it to allowedRegions in settings.yaml.",
    source="https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html",
    settings=("allowedRegions",),
)
def check(resource: Resource) -> Iterator[str]:
    allowed = resource.settings.texts("allowedRegions")
    region = resource.text("region")
    if allowed and region and region not in allowed:
        yield f"The region is {region}, but must be one of {', '.join(allowed)}."
