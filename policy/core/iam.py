"""IAM policy documents, read statement by statement."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from core.reading import Block

Conditions = dict[tuple[str, str], tuple[str, ...]]
"""The values of each operator and key. Keys are in lower case, as IAM compares them in any case."""


@dataclass(frozen=True)
class Statement:
    """One statement of a document."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    excludes_actions: bool
    """Whether it has NotAction, so it is about all actions except those in `actions`."""
    resources: tuple[str, ...]
    """Those in Resource. A statement with NotResource counts as one about all."""
    principals: tuple[str, ...]
    """ARNs, accounts, services, or `*`."""
    excludes_principals: bool
    conditions: Conditions

    def grants(self, *patterns: str) -> tuple[str, ...]:
        """Return the actions that the statement allows and a pattern (`s3:Get*`) names, or a wider one than it."""
        if not self.allows or self.excludes_actions:
            return ()
        return tuple(action for action in self.actions if any(_overlap(action, each) for each in patterns))

    def condition(self, operator: str, key: str) -> tuple[str, ...]:
        """Return the values of a condition, or none."""
        return self.conditions.get((operator, key.lower()), ())

    @property
    def is_public(self) -> bool:
        """Whether it allows something to everybody, and no condition names who or from where."""
        if not self.allows or not ("*" in self.principals or self.excludes_principals):
            return False
        return not any(
            key in _WHO and _is_limit(operator) and not any(_is_open(value) for value in values)
            for (operator, key), values in self.conditions.items()
        )


def _is_limit(operator: str) -> bool:
    """Return whether an operator needs the key, with one of the values."""
    return not ("Not" in operator or operator == "Null" or operator.endswith("IfExists")) and not operator.startswith(
        "ForAllValues:"  # is met without the key, as IfExists is
    )


def _is_open(value: str) -> bool:
    """Return whether a value of a condition leaves it open who calls.

    As S3 counts networks: shorter than /8, or /32 for IPv6 (S3 guide, "The meaning of public").
    """
    if value.startswith("arn:"):
        account, resource = (*value.split(":", 5)[4:], "", "*")[:2]
        return bool(_WILDCARDS.fullmatch(account or resource))
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return bool(_WILDCARDS.fullmatch(value))
    return network.prefixlen < (8 if network.version == _IPV4 else 32)


_WILDCARDS = re.compile(r"[*?]+")

_IPV4 = 4

_WHO = frozenset(
    (
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        "sns:endpoint",
    )
)
"""Condition keys that say who calls, or from where."""

POLICY_TYPES = (
    "aws:iam/groupPolicy:GroupPolicy",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
)
"""Resources with a document of permissions in `policy`, or with several in `inlinePolicies`."""


def permissions(resource: Block) -> Iterator[Statement]:
    """Yield the statements of a resource of POLICY_TYPES."""
    for each in (resource, *resource.blocks("inlinePolicies")):
        yield from statements(each)


def statements(properties: Block, name: str = "policy") -> Iterator[Statement]:
    """Yield the statements of the document in a property."""
    for document in properties.json(name):
        for each in document.blocks("Statement"):
            yield Statement(
                sid=each.text("Sid"),
                allows=each.text("Effect") == "Allow",
                actions=tuple(each.texts("NotAction") or each.texts("Action")),
                excludes_actions=each.has("NotAction"),
                resources=("*",) if each.has("NotResource") else tuple(each.texts("Resource")),
                principals=tuple(_principals(each, "NotPrincipal") or _principals(each, "Principal")),
                excludes_principals=each.has("NotPrincipal"),
                conditions=_conditions(each.block("Condition")),
            )


_OF_AWS = {
    "AdministratorAccess": "*",
    "AmazonS3FullAccess": "s3:*",
    "AmazonS3ReadOnlyAccess": "s3:Get*",
    "PowerUserAccess": "*",
}
"""The actions of AWS's own policies that reach all buckets. Source: AWS managed policy reference."""


def statements_of_aws(arns: list[str]) -> Iterator[Statement]:
    """Yield what those of AWS's own policies allow that reach all buckets; other policies are left out."""
    for arn in arns:
        name = arn.partition(":iam::aws:policy/")[2]
        if name in _OF_AWS:
            yield Statement(
                sid=name,
                allows=True,
                actions=(_OF_AWS[name],),
                excludes_actions=False,
                resources=("*",),
                principals=(),
                excludes_principals=False,
                conditions={},
            )


def public_grants(properties: Block) -> Iterator[str]:
    """Yield what each statement of the resource policy in `policy` allows to everybody."""
    for each in statements(properties):
        if each.is_public:
            yield f"Everybody may {', '.join(each.actions)}."


def requires_tls(properties: Block, *actions: str) -> bool:
    """Return whether the resource policy in `policy` denies everybody these actions without TLS."""
    denied = [
        pattern
        for each in statements(properties)
        if not each.allows
        and "*" in each.principals
        and [value.lower() for value in each.condition("Bool", "aws:SecureTransport")] == ["false"]
        for pattern in each.actions
    ]
    return all(any(matches(pattern.lower(), action.lower()) for pattern in denied) for action in actions)


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern of IAM (`*`, `?`) matches a text."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def _overlap(one: str, other: str) -> bool:
    return matches(one.lower(), other.lower()) or matches(other.lower(), one.lower())


def _principals(statement: Block, name: str) -> list[str]:
    by_kind = statement.block(name)
    if not by_kind:
        return statement.texts(name) if statement.has(name) else []
    return [value for kind in by_kind.names() for value in by_kind.texts(kind)]


def _conditions(block: Block) -> Conditions:
    return {(operator, key.lower()): tuple(keys.texts(key)) for operator, keys in block.items() for key in keys.names()}
