"""Typed reading of what a resource declares.

In a preview some values are not known yet. Reading one raises UnknownValueError, and the rule stops for that resource:
what it has found so far counts, the rest is checked when the resource is created.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pulumi_policy import proxy

UnknownValueError = proxy.UnknownValueError

_UNKNOWN = frozenset(
    (
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
    )
)


class Block:
    """The properties of a resource, or of a block inside of one.

    A property that is missing, null or of another kind than the one that is read reads as empty, since JSON can have
    anything. Programs in YAML may give numbers and booleans as text.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties

    def __bool__(self) -> bool:
        return len(self._properties) > 0

    def names(self) -> list[str]:
        """Return the names of all properties, also of those with unknown values."""
        return list(self._properties)

    def has(self, name: str) -> bool:
        """Return whether a property is set. An unknown value is set."""
        try:
            value = self._value(name)
        except UnknownValueError:
            return True
        return value is not None and value != ""

    def is_known(self, name: str) -> bool:
        """Return whether a property can be read now."""
        try:
            self._value(name)
        except UnknownValueError:
            return False
        return True

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self._value(name)
        return default if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self._value(name)
        return default if value is None else value is True or str(value).lower() == "true"

    def number(self, name: str, default: float = 0) -> float:
        """Return a number."""
        value = number_in(self._value(name))
        return default if value is None else value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; a single one counts as a list."""
        return [str(each) for each in _items(self._value(name))]

    def block(self, name: str) -> "Block":
        """Return a block; of a list with one block, that one; empty if there is none."""
        return next(iter(self.blocks(name)), Block({}))

    def blocks(self, name: str) -> list["Block"]:
        """Return a list of blocks; a single one counts as a list."""
        return _blocks(self._value(name))

    def json(self, name: str) -> list["Block"]:
        """Return what a JSON text has: a list of blocks, or one. It may also be given as a block."""
        value = self._value(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return []
        return _blocks(value)

    def items(self) -> Iterator[tuple[str, "Block"]]:
        """Yield the properties that are blocks, with their names."""
        for name in self._properties:
            if isinstance(self._value(name), Mapping):
                yield name, self.block(name)

    def _value(self, name: str) -> Any:
        value = self._properties.get(name)
        if isinstance(value, str) and value in _UNKNOWN:
            raise UnknownValueError(value, [name])
        return value


def changeable(properties: Any, name: str) -> Any:
    """Return the mapping that `Block.block` reads, for a remedy to change in place; there must be one."""
    blocks: list[Any] = [each for each in _items(properties[name]) if isinstance(each, Mapping)]
    return blocks[0]


def number_in(value: Any) -> float | None:
    """Return the number that a value is, also as text; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _blocks(value: Any) -> list[Block]:
    return [Block(cast("Mapping[str, Any]", each)) for each in _items(value) if isinstance(each, Mapping)]


def _items(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, Sequence) and not isinstance(value, str):
        sequence = cast("Sequence[Any]", value)
        items = [sequence[index] for index in range(len(sequence))]
    else:
        items = [value]
    for item in items:
        if isinstance(item, str) and item in _UNKNOWN:
            raise UnknownValueError(item, [])
    return items
