"""A role for tokens of GitHub Actions names the repository."""

import re
from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.resources import Resource
from core.rule import rule

OPEN = re.compile(r"\*|repo:\*.*|repo:[^/]*\*?(/\*.*)?")
"""Subjects that leave the owner or the repository open."""


@rule(
    "aws:iam/role:Role",
    severity=Severity.CRITICAL,
    reason="A workflow of any repository on GitHub could otherwise use the role.",
    steps=(
        "Add the condition StringEquals token.actions.githubusercontent.com:sub, with repository and environment "
        "or branch."
    ),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
)
def check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, "assumeRolePolicy"):
        if not any("token.actions.githubusercontent.com" in each for each in statement.principals):
            continue
        subjects = [
            value
            for (_, key), values in statement.conditions.items()
            if key == "token.actions.githubusercontent.com:sub"
            for value in values
        ]
        if statement.allows and (not subjects or any(OPEN.fullmatch(each) for each in subjects)):
            yield f"The token's subject may be {' or '.join(subjects) or 'any'}."
