"""A role's trust policy names who may assume it."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:iam/role:Role",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody with an AWS account can use the role.",
    steps="Name the service, the account or the role in Principal.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, "assumeRolePolicy"):
        if statement.is_public:
            yield "Everybody may assume the role."
