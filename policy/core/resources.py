"""Resources as rules see them, and their relations in a stack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from core.reading import Block, UnknownValueError

_IDENTITIES = ("arn", "bucket", "functionName", "id", "name", "url")
"""Outputs by which other resources name one."""


class Resource(Block):
    """A resource with its inputs, and in a rule for stacks with its outputs."""

    def __init__(
        self,
        *,
        type_: str,
        name: str,
        urn: str,
        properties: Mapping[str, Any],
        settings: Mapping[str, Any],
        references: Mapping[str, Sequence[str]] | None = None,
        parent: str = "",
    ) -> None:
        super().__init__(properties)
        self.type = type_
        self.name = name
        """The program's name for it."""
        self.urn = urn
        self.parent = parent
        """The parent's URN, in a rule for stacks."""
        self.references = references or {}
        """The URNs of the resources that each input comes from."""
        self.stack = Stack([])
        """In a rule for stacks, all resources."""
        self.settings = Block(settings)
        """All settings. A rule reads those that it declares."""

    def is_named(self, patterns: Iterable[str]) -> bool:
        """Return whether its name in the program or in AWS matches a pattern."""
        names = {self.name, *(self.text(key) for key in ("bucket", "name") if self.is_known(key))}
        return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

    def identities(self) -> set[str]:
        """Return the known texts by which other resources name it."""
        return {self.text(key) for key in _IDENTITIES if self.is_known(key) and self.has(key)}

    def refers_to(self, other: "Resource", *keys: str, perhaps: bool = False) -> bool:
        """Return whether one of these properties comes from the other resource, or is its name, ARN or URL.

        `perhaps` is the answer if a value or the other's name is unknown, and the value comes from no resource.
        """
        return any(self._refers_to(other, key, perhaps=perhaps) for key in keys)

    def _refers_to(self, other: "Resource", key: str, *, perhaps: bool) -> bool:
        if self.references.get(key):
            return other.urn in self.references[key]
        try:
            named = not other.identities().isdisjoint(self.texts(key))
        except UnknownValueError:
            return perhaps
        return named or (perhaps and not all(other.is_known(name) for name in ("bucket", "name")))


@dataclass(frozen=True)
class Stack:
    """All resources of a stack."""

    resources: list[Resource] = field(default_factory=list[Resource])

    def of(self, *types: str) -> list[Resource]:
        """Return the resources of some types."""
        return [each for each in self.resources if each.type in types]

    def attached(self, target: Resource, type_: str, *keys: str) -> list[Resource]:
        """Return the resources of a type that refer to the target by one of these properties."""
        return [each for each in self.of(type_) if each.refers_to(target, *keys)]

    def perhaps_attached(self, target: Resource, type_: str, *keys: str) -> list[Resource]:
        """Return these, and those that may turn out to refer to it: for rules that report what is missing."""
        return [each for each in self.of(type_) if each.refers_to(target, *keys, perhaps=True)]

    def behind(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """Return the resources of a type that a property refers to."""
        return [each for each in self.of(type_) if resource.refers_to(each, key)]
