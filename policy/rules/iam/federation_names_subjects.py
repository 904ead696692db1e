"""A role for tokens of GitHub Actions names the repository."""

import re
from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import statements
from core.resources import Resource
from core.rule import rule

NAMED = re.compile(r"repo:[^/*?:]+/[^/*?:]+:.+")
"""Patterns of subjects that name owner and repository."""

EXACT, PATTERN = "StringEquals", "StringLike"
"""Operators that need a subject; those with IfExists, Not or ForAllValues are met by others."""


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
            (operator.removeprefix("ForAnyValue:"), value)
            for (operator, key), values in statement.conditions.items()
            if key == "token.actions.githubusercontent.com:sub"
            for value in values
        ]
        named = [
            value
            for operator, value in subjects
            if operator == EXACT or (operator == PATTERN and NAMED.fullmatch(value))
        ]
        if statement.allows and (not named or len(named) < len(subjects)):
            yield f"The token's subject may be {' or '.join(value for _, value in subjects) or 'any'}."
