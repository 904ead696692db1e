"""An access point enforces a user."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:efs/accessPoint:AccessPoint",
    severity=Severity.MEDIUM,
    reason="A client can otherwise act as any user, also as root.",
    steps="Set posixUser to a user that is not root.",
    source="https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html",
    controls=("EFS.4",),
)
def check(resource: Resource) -> Iterator[str]:
    user = resource.block("posixUser")
    if not user.has("uid"):
        yield "There is no posixUser."
    elif user.number("uid") == 0:
        yield "posixUser.uid is 0, which is root."
