"""An access point enforces a folder."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:efs/accessPoint:AccessPoint",
    severity=Severity.MEDIUM,
    reason="A client otherwise sees the files of all others.",
    steps="Set rootDirectory.path to a folder.",
    source="https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html",
    controls=("EFS.3",),
)
def check(resource: Resource) -> Iterator[str]:
    if resource.block("rootDirectory").text("path", "/") == "/":
        yield "rootDirectory.path is /."
