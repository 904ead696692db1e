"""A file system is encrypted at rest."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:efs/fileSystem:FileSystem",
    severity=Severity.HIGH,
    reason="It holds the content of users' files, and cannot be encrypted later.",
    steps="Set encrypted to true.",
    source="https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html",
    controls=("EFS.1",),
)
def check(resource: Resource) -> Iterator[str]:
    if not resource.flag("encrypted"):
        yield "encrypted is false."
