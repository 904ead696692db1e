"""Java's behaviour that is visible in Velocity templates: how values print, and which methods they have."""

import operator
import re
from collections.abc import Callable
from typing import Any, cast

import regex

Method = Callable[..., Any]


def string(value: Any) -> str:
    """Return a value as Java's `String.valueOf` does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value).items()
        return "{" + ", ".join(f"{string(key)}={string(item)}" for key, item in entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(string, cast("list[Any]", value))) + "]"
    return str(value)


def methods_of(value: Any) -> dict[str, Method] | None:
    """Return the methods of a text, list, map, number or boolean; None for anything else."""
    return next((methods for kind, methods in _METHODS.items() if isinstance(value, kind)), None)


def _matches(text: str, pattern: str) -> bool:
    return regex.fullmatch(pattern, text) is not None


def _replace_all(text: str, pattern: str, replacement: str) -> str:
    return regex.sub(pattern, _replacement(replacement), text)


def _replace_first(text: str, pattern: str, replacement: str) -> str:
    return regex.sub(pattern, _replacement(replacement), text, count=1)


def _replacement(java: str) -> str:
    r"""Turn Java's replacement, where `$1` is a group and `\x` is x, into Python's."""
    return re.sub(
        r"\\(.)|\$(\d)",
        lambda match: rf"\g<{match[2]}>" if match[2] else match[1].replace("\\", r"\\"),
        java,
    )


def _split(text: str, pattern: str) -> list[str | None]:
    return list(regex.split(pattern, text))


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:end]


def _equals_ignoring_case(text: str, other: str) -> bool:
    return text.casefold() == other.casefold()


def _add(items: list[Any], item: Any) -> bool:
    items.append(item)
    return True


def _get(entries: dict[Any, Any], key: Any) -> Any:
    return entries.get(key)


def _put(entries: dict[Any, Any], key: Any, value: Any) -> Any:
    before = entries.get(key)
    entries[key] = value
    return before


def _values(entries: dict[Any, Any]) -> list[Any]:
    return list(entries.values())


def _entry_set(entries: dict[Any, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in entries.items()]


_OBJECT: dict[str, Method] = {"equals": operator.eq, "toString": string}
_METHODS: dict[type, dict[str, Method]] = {
    str: _OBJECT
    | {
        "charAt": operator.getitem,
        "concat": operator.add,
        "contains": operator.contains,
        "endsWith": str.endswith,
        "equalsIgnoreCase": _equals_ignoring_case,
        "indexOf": str.find,
        "isEmpty": operator.not_,
        "lastIndexOf": str.rfind,
        "length": len,
        "matches": _matches,
        "replace": str.replace,
        "replaceAll": _replace_all,
        "replaceFirst": _replace_first,
        "split": _split,
        "startsWith": str.startswith,
        "substring": _substring,
        "toLowerCase": str.lower,
        "toUpperCase": str.upper,
        "trim": str.strip,
    },
    list: _OBJECT
    | {
        "add": _add,
        "contains": operator.contains,
        "get": operator.getitem,
        "isEmpty": operator.not_,
        "size": len,
    },
    dict: _OBJECT
    | {
        "containsKey": operator.contains,
        "entrySet": _entry_set,
        "get": _get,
        "isEmpty": operator.not_,
        "keySet": list,
        "put": _put,
        "size": len,
        "values": _values,
    },
    bool: _OBJECT,
    int: _OBJECT,
    float: _OBJECT,
}
