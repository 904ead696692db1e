"""Velocity 1.7 as API Gateway runs it: airspeed, patched where it differs from Velocity.

- A name may contain hyphens, as in `$context.responseOverride.header.Content-Type`; airspeed ends it at a hyphen.
- Only null and false are false, so an empty string is true; airspeed uses Python's rule.
- In a string, a backslash is a plain character and a doubled quote is a quote; airspeed has C's escapes, with which
  regular expressions cannot be written.
- Values have Java's methods and print as in Java; airspeed has Python's methods and prints `True`. A method that Java
  does not have, and a comparison with null, is an error here; Velocity would log it and continue.
- `$context`, `$input`, `$stageVariables` and `$util` print nothing where they have no value, as in API Gateway. Any
  other unknown reference prints itself.

Source of the language: https://velocity.apache.org/engine/1.7/vtl-reference.html
"""

import re
from collections.abc import Callable
from typing import Any, cast

from local.emulator import patching
from local.emulator.patches.api_gateway import java

_GATEWAY_VARIABLES = {"context", "input", "stageVariables", "util"}
_NAME = "[a-z_][a-z0-9_-]*"
_PATTERNS = {
    "NameOrCall.NAME": re.compile(f"({_NAME})", re.IGNORECASE),
    "SetDirective.PLACE": re.compile(rf"\s*\$({_NAME}(?:\.{_NAME})*)", re.IGNORECASE),
    "StringLiteral.STRING": re.compile("'((?:[^']|'')*)'"),
    "StringLiteral.ESCAPED_CHAR": re.compile("'(')"),
    "InterpolatedStringLiteral.STRING": re.compile('"((?:[^"]|"")*)"'),
    "InterpolatedStringLiteral.ESCAPED_CHAR": re.compile('"(")'),
}


class UnknownMethod(ValueError):
    """A template calls a method that Java does not have for its value."""


def patch() -> None:
    """Patch airspeed for the whole process."""
    for path, pattern in _PATTERNS.items():
        patching.replace("airspeed", path, lambda _original, pattern=pattern: pattern)
    patching.replace("airspeed", "BinaryOperator.OPERATORS", lambda original: original | _OPERATORS)
    patching.replace("airspeed", "UnaryOperatorValue.OPERATORS", lambda _original: {"!": _is_false, "not": _is_false})
    patching.replace("airspeed", "NameOrCall.calculate", _with_java_members)
    patching.replace("airspeed", "Condition.parse", _with_java_truth)
    patching.replace("airspeed", "ForeachDirective.parse", _with_java_iteration)
    patching.replace("airspeed", "FormalReference.evaluate_raw", _with_java_strings)


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _is_false(value: Any) -> bool:
    return not _is_true(value)


def _and(left: Any, right: Any) -> bool:
    return _is_true(left) and _is_true(right)


def _or(left: Any, right: Any) -> bool:
    return _is_true(left) or _is_true(right)


def _equal(left: Any, right: Any) -> bool:
    """Compare values of one type directly, and values of different types as text."""
    if left is None or right is None or type(left) is type(right) or {type(left), type(right)} == {int, float}:
        return left == right
    return java.string(left) == java.string(right)


def _unequal(left: Any, right: Any) -> bool:
    return not _equal(left, right)


def _add(left: Any, right: Any) -> Any:
    return java.string(left) + java.string(right) if str in (type(left), type(right)) else left + right


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": _equal,
    "eq": _equal,
    "!=": _unequal,
    "ne": _unequal,
    "&&": _and,
    "and": _and,
    "||": _or,
    "or": _or,
    "+": _add,
}


def _with_java_members(original: Callable[..., Any]) -> Callable[..., Any]:
    variables: type = patching.attribute("airspeed", "LocalNamespace")

    def calculate(self: Any, owner: Any, loader: Any, top: Any) -> Any:
        methods = None if isinstance(owner, variables) else java.methods_of(owner)
        if methods is None:
            return original(self, owner, loader, top)
        if self.parameters is None:
            value = cast("dict[str, Any]", owner).get(self.name) if isinstance(owner, dict) else None
            return value if self.index is None else _item(value, self.index.calculate(top, loader))
        if self.name not in methods:
            raise UnknownMethod(f"{self.name}() is not a method of {java.string(owner)!r}")
        return methods[self.name](owner, *self.parameters.calculate(top, loader))

    return calculate


def _item(value: Any, index: Any) -> Any:
    if isinstance(value, dict):
        return cast("dict[Any, Any]", value).get(index)
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return items[index] if -1 < index < len(items) else None


def _with_java_truth(original: Callable[..., Any]) -> Callable[..., Any]:
    def parse(self: Any) -> None:
        original(self)
        value: Callable[[Any, Any], Any] = self.calculate

        def calculate(namespace: Any, loader: Any) -> bool:
            return _is_true(value(namespace, loader))

        self.calculate = calculate

    return parse


class _Values:
    """What `#foreach` iterates over: the values of a map; airspeed uses its keys."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def calculate(self, namespace: Any, loader: Any) -> Any:
        value = self._value.calculate(namespace, loader)
        return list(cast("dict[Any, Any]", value).values()) if isinstance(value, dict) else value


def _with_java_iteration(original: Callable[..., Any]) -> Callable[..., Any]:
    def parse(self: Any) -> None:
        original(self)
        self.value = _Values(self.value)

    return parse


def _with_java_strings(_original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate_raw(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
        value = None if self.expression is None else self.expression.calculate(namespace, loader)
        if value is not None:
            stream.write(java.string(value))
        elif self.expression is None or not (self.silent or self.expression.part.name in _GATEWAY_VARIABLES):
            stream.write(self.my_text())

    return evaluate_raw
