"""A file system's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    severity=Severity.CRITICAL,
    reason="Otherwise every client that reaches a mount target can read and write.",
    steps="Name the roles, or add a condition on elasticfilesystem:AccessedViaMountTarget.",
    source="https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html",
)
def check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        is_in_network = any(key == "elasticfilesystem:accessedviamounttarget" for _, key in statement.conditions)
        if statement.is_public and not is_in_network:
            yield f"Everybody may {', '.join(statement.actions)}."
