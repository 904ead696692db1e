"""A policy that lets roles be passed names these roles."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import POLICY_TYPES, permissions
from core.resources import Resource
from core.rule import rule


@rule(
    *POLICY_TYPES,
    severity=Severity.HIGH,
    reason="Otherwise the role can start a function with the permissions of any other role.",
    steps="Name the roles in the statement's resources, and the service in iam:PassedToService.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
)
def check(resource: Resource) -> Iterator[str]:
    for statement in permissions(resource):
        if statement.grants("iam:PassRole") and any(
            each == "*" or each.endswith(":role/*") for each in statement.resources
        ):
            yield "iam:PassRole is allowed for all roles."
