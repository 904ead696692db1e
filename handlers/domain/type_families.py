"""Reads type_families.toml: which content types share their first bytes.

The table is parsed when this module is imported. Only process_object imports it. The tests check the table, so nothing
is checked here.
"""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NotRequired, TypedDict, cast

TABLE = Path(__file__).with_suffix(".toml")

PDF = "application/pdf"
OLE_STORAGE = "application/x-ole-storage"
TEXT = "text"
NO_KIND = "data of no known kind"


class _Row(TypedDict):
    declared: list[str]
    found: list[str]
    is_sure: NotRequired[bool]
    may_be_xml: NotRequired[bool]


class _Table(TypedDict):
    archives: list[str]
    groups: dict[str, list[str]]
    family: list[_Row]


@dataclass(frozen=True)
class Family:
    """Types by which one file may be declared, and the kinds of first bytes that it may have."""

    declared: tuple[str, ...]
    """Types and patterns, in lower case."""
    found: frozenset[str]
    """Kinds as media_types.py names them."""
    is_sure: bool
    """Whether each such file has a known signature; otherwise data of no known kind is accepted too."""
    may_be_xml: bool
    """Whether text of an image, audio, video, model or chemical type may be XML."""


_table = cast("_Table", tomllib.loads(TABLE.read_text(encoding="utf-8")))


def _kinds(listed: list[str]) -> frozenset[str]:
    """Return a list's kinds, with the kinds of each @group."""
    groups = _table["groups"]
    return frozenset(kind for each in listed for kind in (groups[each[1:]] if each.startswith("@") else [each]))


FAMILIES = tuple(
    Family(tuple(row["declared"]), _kinds(row["found"]), row.get("is_sure", True), row.get("may_be_xml", False))
    for row in _table["family"]
)
ARCHIVES = _kinds(_table["archives"])

_BY_NAME = {name: family for family in FAMILIES for name in family.declared if "*" not in name}
_BY_PATTERN = [(pattern, family) for family in FAMILIES for pattern in family.declared if "*" in pattern]


def family_by_name(declared: str) -> Family | None:
    """Return the family of a type that the table names."""
    return _BY_NAME.get(declared)


def family_by_pattern(declared: str) -> Family | None:
    """Return the family of a type by the patterns of the table, which also match subtypes that do not exist."""
    return next((family for pattern, family in _BY_PATTERN if fnmatchcase(declared, pattern)), None)


def may_be_xml(declared: str) -> bool:
    """Return whether text of this type may be XML."""
    if declared.startswith(("application/", "text/")) or declared.endswith("+xml"):
        return True
    family = family_by_name(declared)
    return family is not None and family.may_be_xml
