import os
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from client import Unfinished
from client.transfer.source import SourceFile
from client.transfer.state import SentParts, StateFolder

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
    unfinished = Unfinished("u1", API, source, "crc32", "ada", "film.mp4", "video/mp4", "put", "put", "key-1")
    states.keep(unfinished)
    assert list(states.all(API, "ada")) == [unfinished]
    states.forget(unfinished)
    states.forget(unfinished)
    assert list(states.all(API, "ada")) == []


@pytest.mark.parametrize(("api", "account"), [("https://other.example", "ada"), (API, "bob"), (API, "")])
def test_it_is_of_this_api_and_this_user(states: StateFolder, source: SourceFile, api: str, account: str) -> None:
    states.keep(Unfinished("u1", API, source, None, "ada"))
    assert list(states.all(api, account)) == []


def test_two_uploads_of_one_file_are_kept_apart(states: StateFolder, source: SourceFile) -> None:
    states.keep(Unfinished("u1", API, source, None, file_name="a"))
    states.keep(Unfinished("u2", API, source, None, file_name="b"))
    assert {each.upload_id for each in states.all(API)} == {"u1", "u2"}


def test_a_file_name_may_be_any_bytes(states: StateFolder, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff \n%.mp4")
    path.write_bytes(b"12345")
    states.keep(Unfinished("u1", API, SourceFile.at(path), None))
    assert [each.source.path for each in states.all(API)] == [path]


def test_only_its_owner_can_read_what_was_begun(states: StateFolder, source: SourceFile) -> None:
    states.keep(Unfinished("u1", API, source, None))
    assert states.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b'{"version": 1}', b"\xff"])
def test_a_damaged_file_is_skipped_with_one_warning(tmp_path: Path, source: SourceFile, content: bytes) -> None:
    warnings: list[str] = []
    states = StateFolder(tmp_path / "state", warnings.append)
    states.keep(Unfinished("u1", API, source, None))
    damaged = states.folder / "0damaged.json"
    damaged.write_bytes(content)
    assert [each.upload_id for each in (*states.all(API), *states.all(API))] == ["u1", "u1"]
    assert len(warnings) == 1
    assert str(damaged) in warnings[0]


@pytest.mark.parametrize("folder", ["file/state", "file"])
def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, source: SourceFile, folder: str) -> None:
    (tmp_path / "file").write_text("in its place")
    warnings: list[str] = []
    states = StateFolder(tmp_path / folder, warnings.append)
    begun = Unfinished("u1", API, source, None)
    assert not states.keep(begun)
    assert "u1" in warnings[0]
    parts = states.sent_parts(begun)
    parts.note(1, '"a"')
    assert parts.all() == {(1, '"a"')}
    assert list(states.all(API)) == []
    states.forget(begun)


def test_a_path_that_no_file_has_is_damage(tmp_path: Path, source: SourceFile) -> None:
    warnings: list[str] = []
    states = StateFolder(tmp_path / "state", warnings.append)
    states.keep(Unfinished("u1", API, source, None))
    (stored,) = states.folder.glob("*.json")
    stored.write_text(stored.read_text().replace("film.mp4", "film%00.mp4", 1))
    assert list(states.all(API)) == []
    assert str(stored) in warnings[0]


class TestAPartThatIsSent:
    @pytest.fixture
    def sent(self, states: StateFolder, source: SourceFile) -> SentParts:
        begun = Unfinished("u1", API, source, None)
        states.keep(begun)
        return states.sent_parts(begun)

    def test_is_waited_for_by_a_comparison(self, sent: SentParts, pauses: list[float]) -> None:
        with sent.sending(time.sleep), sent.sending(time.sleep), sent.comparing() as is_alone:
            assert not is_alone
        with sent.comparing() as is_alone:
            assert is_alone
        assert pauses == []

    def test_waits_for_a_comparison(self, sent: SentParts) -> None:
        comparing = ExitStack()
        comparing.enter_context(sent.comparing())
        with sent.sending(lambda _seconds: comparing.close()), sent.comparing() as is_alone:
            assert not is_alone

    def test_is_alone_where_nothing_can_be_written(self, tmp_path: Path, source: SourceFile) -> None:
        sent = StateFolder(tmp_path / "none").sent_parts(Unfinished("u1", API, source, None))
        with sent.sending(time.sleep), sent.comparing() as is_alone:
            assert is_alone


def test_a_file_by_another_way_is_the_same_file(states: StateFolder, source: SourceFile, tmp_path: Path) -> None:
    states.keep(Unfinished("u1", API, source, None))
    link = tmp_path / "link.mp4"
    link.symlink_to(source.path)
    assert [each.source for each in states.all(API)] == [SourceFile.at(link)]


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
