"""A policy does not allow everything."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import POLICY_TYPES, permissions
from core.resources import Resource
from core.rule import rule


@rule(
    *POLICY_TYPES,
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    severity=Severity.CRITICAL,
    reason="Otherwise an attacker who takes over this role has everything in the account.",
    steps="List the actions and resources that the role uses.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    controls=("IAM.1",),
)
def check(resource: Resource) -> Iterator[str]:
    attached = [*resource.texts("policyArn"), *resource.texts("managedPolicyArns")]
    for each in attached:
        if each.endswith(":iam::aws:policy/AdministratorAccess"):
            yield "AdministratorAccess allows all actions on all resources."
    for statement in permissions(resource):
        if statement.allows and "*" in statement.resources and ("*" in statement.actions or statement.excludes_actions):
            yield "A statement allows all actions on all resources."
