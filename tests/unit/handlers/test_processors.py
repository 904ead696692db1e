import re
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from handlers import processors
from handlers.processors import Job, inspect, load_processor


def job() -> Job:
    return Job("me", "1", "a.txt", "text/plain", 5, "bucket", "uploads/me/1", "v1", 1, lambda: iter([b"bytes"]))


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
    @pytest.mark.parametrize("name", ["", "process", "handlers"])
    def test_a_name_of_another_form_is_shown_with_the_form_that_it_must_have(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"^The processor is {name!r}, but must be of the form module.function.$"):
            load_processor(name)

    @pytest.mark.parametrize(
        "name", [".", ".process", "json.", ".json.loads", "json..loads", "json.loads\n", "a-b.c", "a/b.c"]
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
        ]

    def test_a_processor_cannot_change_it(self) -> None:
        with pytest.raises(FrozenInstanceError):
            job().owner = "somebody-else"  # pyright: ignore[reportAttributeAccessIssue]

    def test_its_bytes_can_be_read_again_from_the_start(self) -> None:
        once = job()
        assert list(once.chunks()) == list(once.chunks()) == [b"bytes"]
