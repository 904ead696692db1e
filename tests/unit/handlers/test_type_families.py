"""The table of media types is written as its own comment says, and only process_object reads it."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib import import_module
from itertools import chain
from typing import Any

import pytest

from handlers.domain import media_types
from handlers.domain.type_families import ARCHIVES, NO_KIND, TABLE, TEXT
from tests.support.paths import PROJECT

filetype: Any = import_module("filetype")

table: dict[str, Any] = tomllib.loads(TABLE.read_text())
families: list[dict[str, Any]] = table["family"]
groups: dict[str, list[str]] = table["groups"]
declared: list[str] = [each for family in families for each in family["declared"]]
listed: list[str] = [*table["archives"], *(kind for family in families for kind in family["found"])]

KINDS = {TEXT, *(each.mime for each in filetype.types), *(kind for *_, kind in media_types.MORE_SIGNATURES)}


def test_a_family_has_the_keys_of_the_comment_and_no_default_is_repeated() -> None:
    for family in families:
        assert family.keys() - {"is_sure", "may_be_xml"} == {"declared", "found"}, family
        assert all(family["declared"]), family
        assert all(family["found"]), family
        assert family.get("is_sure", False) is False, family
        assert family.get("may_be_xml", True) is True, family
    assert table.keys() == {"archives", "groups", "family"}


def test_a_type_is_declared_once_in_lower_case() -> None:
    assert [each for each, times in Counter(declared).items() if times > 1] == []
    assert [each for each in declared if not re.fullmatch(r"[a-z0-9.+*-]+(/[a-z0-9.+*-]+)?", each)] == []


def test_no_type_is_lost() -> None:
    """Change the numbers together with the table."""
    numbers = {"application": 85, "audio": 34, "chemical": 54, "font": 2, "image": 58, "model": 38, "text": 8}

    assert Counter(each.partition("/")[0] for each in declared if "*" not in each) == {**numbers, "video": 19}
    assert sum("*" in each for each in declared) == 13


def test_a_kind_is_one_that_can_be_found_or_a_group() -> None:
    kinds = {each for each in (*listed, *chain(*groups.values())) if not each.startswith("@")}

    assert kinds - KINDS == set()
    assert {each[1:] for each in listed if each.startswith("@")} == groups.keys()
    assert NO_KIND not in kinds


NO_ARCHIVES = {
    *("application/pdf", "application/postscript", "application/rtf", "application/octet-stream"),
    *("application/x-executable", "application/x-msdownload", "application/x-shockwave-flash"),
    *("application/dicom", "application/x-nintendo-nes-rom", "application/x-sqlite3"),
}
"""Programs, fonts, text, and files that contain one thing."""


def test_all_archives_and_documents_of_filetype_are_archives() -> None:
    known = {each.mime for each in (*filetype.archive_matchers, *filetype.document_matchers)}

    assert known - ARCHIVES == NO_ARCHIVES


def test_a_kind_is_listed_once_in_a_family_or_group() -> None:
    for kinds in (table["archives"], *groups.values(), *(family["found"] for family in families)):
        expanded = [kind for each in kinds for kind in (groups[each[1:]] if each.startswith("@") else [each])]
        assert [kind for kind, times in Counter(expanded).items() if times > 1] == []


@pytest.mark.parametrize("entry", ["create_upload", "sign_parts"])
def test_the_hot_functions_do_not_import_the_table(entry: str) -> None:
    program = f"import sys, handlers.entries.{entry}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], check=True, capture_output=True, text=True, env={}, cwd=PROJECT
    )
    loaded = set(done.stdout.split())

    assert f"handlers.entries.{entry}" in loaded
    assert loaded & {"tomllib", "handlers.domain.type_families", "handlers.domain.media_types", "dataclasses"} == set()
