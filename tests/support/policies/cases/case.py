"""For each rule, resources that meet it, and the same with one property that breaks it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pulumi
import pulumi_aws as aws


class Make(Protocol):
    """Registers resources with names that begin with `n`; without `ok`, they break the rule."""

    def __call__(self, n: str, *, ok: bool) -> None: ...


@dataclass(frozen=True)
class Case:
    """Resources of the real SDK, so that a type or an input that does not exist makes the test fail."""

    rule: str
    make: Make
    number: int

    def prefix(self, *, ok: bool) -> str:
        """Return how the names of its resources begin."""
        return f"{self.rule}--{self.number}-{'good' if ok else 'bad'}--"


CASES: list[Case] = []


def case(rule: str) -> Callable[[Make], Make]:
    """Add a case of a rule."""

    def add(make: Make) -> Make:
        CASES.append(Case(rule, make, len(CASES)))
        return make

    return add


def document(*statements: Mapping[str, object]) -> pulumi.Output[str]:
    """Write a policy document, in which Outputs may stand."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny_without_tls(actions: str) -> dict[str, object]:
    """Return the statement that denies requests without TLS."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": "*", "Condition": condition}


def trust(service: str) -> pulumi.Output[str]:
    """Write the trust policy of a role for a service."""
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def role_with(n: str, *statements: Mapping[str, object]) -> aws.iam.Role:
    """Make a role for functions, with a policy."""
    role = aws.iam.Role(f"{n}-role", assume_role_policy=trust("lambda.amazonaws.com"))
    aws.iam.RolePolicy(f"{n}-policy", role=role.name, policy=document(*statements))
    return role
