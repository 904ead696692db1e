from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from client import PortageError, Unfinished
from client.transfer.source import SourceFile
from client.transfer.state import StateFolder

API = "https://api.example/live"


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"12345")
    return SourceFile.at(path)


@pytest.fixture
def states(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def test_what_is_kept_is_found_and_then_forgotten(states: StateFolder, source: SourceFile) -> None:
    unfinished = Unfinished("u1", API, source, "crc32")
    states.keep(unfinished)
    assert states.find(source, API) == unfinished
    assert list(states.all(API)) == [unfinished]
    states.forget(unfinished)
    states.forget(unfinished)
    assert states.find(source, API) is None


@pytest.mark.parametrize("change", [{"size_bytes": 6}, {"mtime_ns": 7}, {"path": Path("/other")}])
def test_it_is_of_this_file_as_it_was(states: StateFolder, source: SourceFile, change: dict[str, Any]) -> None:
    states.keep(Unfinished("u1", API, source, None))
    assert states.find(replace(source, **change), API) is None


def test_it_is_of_this_api(states: StateFolder, source: SourceFile) -> None:
    states.keep(Unfinished("u1", API, source, None))
    assert states.find(source, "https://other.example") is None
    assert list(states.all("https://other.example")) == []


def test_only_its_owner_can_read_what_was_begun(states: StateFolder, source: SourceFile) -> None:
    states.keep(Unfinished("u1", API, source, None))
    assert states.folder.stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_named(states: StateFolder, source: SourceFile) -> None:
    states.keep(Unfinished("u1", API, source, None))
    (path,) = states.folder.iterdir()
    path.write_text("{")
    with pytest.raises(PortageError, match=r"\.json is damaged: delete it"):
        states.find(source, API)


def test_a_file_by_another_way_is_the_same_file(states: StateFolder, source: SourceFile, tmp_path: Path) -> None:
    states.keep(Unfinished("u1", API, source, None))
    link = tmp_path / "link.mp4"
    link.symlink_to(source.path)
    assert states.find(SourceFile.at(link), API) is not None


class TestSentParts:
    def test_are_known_to_the_next_process(self, states: StateFolder, source: SourceFile) -> None:
        begun = Unfinished("u1", API, source, None)
        states.keep(begun)
        states.sent_parts(begun).note(1, '"a"')
        states.sent_parts(begun).note(1, '"b"')
        states.sent_parts(begun).note(12, '"c d"')
        assert states.sent_parts(begun).all() == {(1, '"a"'), (1, '"b"'), (12, '"c d"')}

    def test_are_of_one_upload_of_the_file_as_it_was(self, states: StateFolder, source: SourceFile) -> None:
        begun = Unfinished("u1", API, source, None)
        states.keep(begun)
        states.sent_parts(begun).note(1, '"a"')
        assert states.sent_parts(replace(begun, upload_id="u2")).all() == set()
        source.path.chmod(0o600)
        assert states.sent_parts(replace(begun, source=SourceFile.at(source.path))).all() == set()

    def test_do_not_include_one_whose_line_a_kill_has_cut(self, states: StateFolder, source: SourceFile) -> None:
        begun = Unfinished("u1", API, source, None)
        states.keep(begun)
        states.sent_parts(begun).note(1, '"a"')
        (noted,) = states.folder.glob("*.parts")
        noted.write_text(noted.read_text() + '2 "abc')
        assert states.sent_parts(begun).all() == {(1, '"a"')}

    def test_are_forgotten_with_their_upload(self, states: StateFolder, source: SourceFile) -> None:
        begun = Unfinished("u1", API, source, None)
        states.keep(begun)
        states.sent_parts(begun).note(1, '"a"')
        states.forget(begun)
        assert list(states.folder.iterdir()) == []

    def test_that_cannot_be_written_down_are_known_to_this_process(
        self, states: StateFolder, source: SourceFile
    ) -> None:
        """The folder is not there: a full disk must not end an upload either."""
        sent = states.sent_parts(Unfinished("u1", API, source, None))
        sent.note(1, '"a"')
        assert sent.all() == {(1, '"a"')}
