"""An IAM user has no policies of its own."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    severity=Severity.MEDIUM,
    reason="Permissions of users are hard to review, and their keys do not expire.",
    steps="Use a role, or attach the policy to a group.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    controls=("IAM.2",),
)
def check(resource: Resource) -> Iterator[str]:
    yield f"The policy is attached to the user {resource.text('user')}."
