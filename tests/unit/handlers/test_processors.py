import re
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from handlers import processors
from handlers.processors import Job, inspect, load_processor, result_json
from tests.support.each_case import each_case
from tests.support.handlers.jobs import job_of


def job() -> Job:
    return job_of(b"bytes", "a.txt", "text/plain")


@pytest.fixture
def team_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in the place where a team's archive is unpacked; all that is imported is forgotten again."""
    folder = tmp_path / "processor"
    folder.mkdir()
    monkeypatch.setattr(processors, "TEAM_CODE", folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write_module(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"def process(job):\n    return {{'from': {says!r}}}\n")


class TestByName:
    def test_the_built_in_processor_is_found(self) -> None:
        assert load_processor("handlers.processors.inspect.process") is inspect.process

    def test_a_teams_function_is_found_in_its_own_folder(self, team_code: Path) -> None:
        write_module(team_code / "team_images.py", "the team")
        assert load_processor("team_images.process")(job()) == {"from": "the team"}

    def test_a_function_deep_in_a_teams_package_is_found(self, team_code: Path) -> None:
        write_module(team_code / "team_package" / "deep" / "images.py", "deep")
        assert load_processor("team_package.deep.images.process")(job()) == {"from": "deep"}

    def test_a_team_may_import_its_own_modules(self, team_code: Path) -> None:
        write_module(team_code / "team_library.py", "the library")
        (team_code / "team_entry.py").write_text("from team_library import process\n")
        assert load_processor("team_entry.process")(job()) == {"from": "the library"}

    def test_the_built_in_processor_is_found_beside_a_teams_code(self, team_code: Path) -> None:
        write_module(team_code / "team_images.py", "the team")
        assert load_processor("handlers.processors.inspect.process") is inspect.process

    def test_a_teams_module_wins_over_one_of_that_name_elsewhere(self, team_code: Path, tmp_path: Path) -> None:
        write_module(tmp_path / "elsewhere" / "team_images.py", "elsewhere")
        write_module(team_code / "team_images.py", "the team")
        sys.path.insert(0, str(tmp_path / "elsewhere"))
        assert load_processor("team_images.process")(job()) == {"from": "the team"}

    def test_the_teams_folder_is_put_in_front_once(self, team_code: Path) -> None:
        write_module(team_code / "team_images.py", "the team")
        for _ in range(3):
            load_processor("team_images.process")
        assert sys.path.count(str(team_code)) == 1
        assert sys.path[0] == str(team_code)

    def test_without_a_teams_code_nothing_is_put_in_front(self, team_code: Path) -> None:
        team_code.rmdir()
        before = list(sys.path)
        load_processor("handlers.processors.inspect.process")
        assert sys.path == before

    def test_a_teams_folder_lies_beside_the_handlers(self) -> None:
        assert Path(processors.__file__).parents[2] / "processor" == processors.TEAM_CODE


class TestRefused:
    @each_case(
        "name",
        ["", "process", "handlers"],
    )
    def test_a_name_of_another_form_is_shown_with_the_form_that_it_must_have(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"^The processor is {name!r}, but must be of the form module.function.$"):
            load_processor(name)

    @each_case(
        "name",
        [".", ".process", "json.", ".json.loads", "json..loads", "json.loads\n", "a-b.c", "a/b.c"],
    )
    def test_a_name_with_a_part_missing_is_shown_with_the_form_that_it_must_have(self, name: str) -> None:
        with pytest.raises(ValueError, match=re.escape(f"The processor is {name!r}, but must be of the form")):
            load_processor(name)

    @pytest.mark.usefixtures("team_code")
    def test_a_module_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(ModuleNotFoundError, match="of_nobody"):
            load_processor("of_nobody.process")

    def test_a_function_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(AttributeError, match="of_nobody"):
            load_processor("handlers.processors.inspect.of_nobody")

    def test_a_module_that_breaks_at_import_raises_what_it_raised(self, team_code: Path) -> None:
        (team_code / "team_broken.py").write_text("1 / 0\n")
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                load_processor("team_broken.process")


class TestResultJson:
    def test_it_is_json(self) -> None:
        assert result_json({"b": [1, None], "a": "é"}) == '{"a": "\\u00e9", "b": [1, null]}'

    def test_the_same_result_is_the_same_text_whatever_its_order(self) -> None:
        assert result_json({"a": 1, "b": 2}) == result_json({"b": 2, "a": 1})

    @pytest.mark.parametrize(
        "result",
        [{"a": b"bytes"}, {"a": {1, 2}}, {"a": object()}, {b"a": 1}, {"a": 1, 2: 3}],
        ids=["bytes", "set", "object", "bytes as key", "keys of two types"],
    )
    def test_what_is_not_json_is_refused(self, result: dict[str, object]) -> None:
        with pytest.raises(TypeError):
            result_json(result)

    @each_case(
        "number",
        [float("nan"), float("inf"), float("-inf")],
    )
    def test_a_number_that_json_does_not_have_is_refused(self, number: float) -> None:
        with pytest.raises(ValueError, match="JSON"):
            result_json({"mean": number})

    def test_a_result_that_contains_itself_is_refused(self) -> None:
        result: dict[str, object] = {}
        result["itself"] = result
        with pytest.raises(ValueError, match="Circular"):
            result_json(result)

    @each_case(
        "result",
        [None, [], "text", 5, {1, 2}],
    )
    def test_what_is_no_mapping_is_refused_by_the_name_of_its_type(self, result: Any) -> None:
        sentence = f"^The processor returned {type(result).__name__}, but must return a mapping.$"
        with pytest.raises(TypeError, match=sentence):
            result_json(result)

    def test_a_mapping_that_is_no_dict_is_good(self) -> None:
        assert result_json(MappingProxyType({"a": 1})) == '{"a": 1}'

    def test_too_much_is_refused_with_its_size_and_the_limit(self) -> None:
        assert result_json({"a": 10}, limit=9) == '{"a": 10}'
        with pytest.raises(ValueError, match=r"has 10 bytes as JSON, but at most 9 "):
            result_json({"a": 100}, limit=9)


class TestJob:
    def test_it_has_the_fields_that_teams_rely_on(self) -> None:
        assert [field.name for field in fields(Job)] == [
            "owner",
            "upload_id",
            "file_name",
            "content_type",
            "size_bytes",
            "bucket",
            "key",
            "version_id",
            "attempt",
            "chunks",
            "open",
            "progress",
            "workspace",
            "earlier",
            "records",
        ]

    def test_a_processor_cannot_change_it(self) -> None:
        with pytest.raises(FrozenInstanceError):
            job().owner = "somebody-else"  # pyright: ignore[reportAttributeAccessIssue]

    def test_its_bytes_can_be_read_again_from_the_start(self) -> None:
        once = job()
        assert list(once.chunks()) == list(once.chunks()) == [b"bytes"]
