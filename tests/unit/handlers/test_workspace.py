"""The shared workspace: what executions have in it, what is left over, and the step that cleans up."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.entries import clean_up_step
from handlers.storage.workspace import LEFTOVER_SECONDS, ExecutionFolder, Workspace
from tests.support.handlers.queue_batches import Context

OBJECT = b"x" * 3_000_000


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def folder(workspace: Workspace) -> ExecutionFolder:
    return workspace.folder("execution-1")


def leave_behind(workspace: Workspace, execution: str, seconds: float) -> Path:
    folder = workspace.folder(execution)
    (folder.begin() / "note").write_text("written")
    then = time.time() - seconds
    os.utime(folder.path, (then, then))
    return folder.path


class TestTheObject:
    def test_is_read_as_it_was_stored(self, folder: ExecutionFolder) -> None:
        folder.store(iter((OBJECT[:1_000], OBJECT[1_000:])), len(OBJECT))
        assert b"".join(folder.chunks()) == OBJECT
        with folder.open() as file:
            file.seek(-3, os.SEEK_END)
            assert file.read() == OBJECT[-3:]

    def test_is_not_there_before_and_not_of_another_size(self, folder: ExecutionFolder) -> None:
        assert not folder.has_object(len(OBJECT))
        folder.store([OBJECT], len(OBJECT))
        assert folder.has_object(len(OBJECT))
        assert not folder.has_object(len(OBJECT) - 1)

    def test_of_another_size_than_declared_is_an_error_and_not_there(self, folder: ExecutionFolder) -> None:
        with pytest.raises(EOFError):
            folder.store([OBJECT], len(OBJECT) + 1)
        assert not folder.has_object(len(OBJECT))

    def test_that_was_written_in_part_is_written_again(self, folder: ExecutionFolder) -> None:
        def breaks_off() -> Iterator[bytes]:
            yield OBJECT[:1_000]
            raise ConnectionError

        with pytest.raises(ConnectionError):
            folder.store(breaks_off(), len(OBJECT))
        folder.store([OBJECT], len(OBJECT))
        assert b"".join(folder.chunks()) == OBJECT

    def test_is_fetched_once(self, folder: ExecutionFolder) -> None:
        folder.store([OBJECT], len(OBJECT))
        folder.store(iter(lambda: pytest.fail("It was read again."), None), len(OBJECT))

    def test_can_be_empty(self, folder: ExecutionFolder) -> None:
        folder.store([], 0)
        assert folder.has_object(0)
        assert list(folder.chunks()) == []


class TestFolders:
    def test_two_executions_share_nothing(self, workspace: Workspace) -> None:
        (workspace.folder("one").begin() / "note").write_text("of one")
        assert list(workspace.folder("two").begin().iterdir()) == []

    def test_processors_of_an_execution_share_one(self, folder: ExecutionFolder) -> None:
        (folder.begin() / "note").write_text("for others")
        assert (folder.begin() / "note").read_text() == "for others"

    @pytest.mark.parametrize("name", ["", "..", "a/b", "a\n", "x" * 81])
    def test_a_name_that_could_lead_elsewhere_is_an_error(self, workspace: Workspace, name: str) -> None:
        with pytest.raises(ValueError, match="must be 1 to 80"):
            workspace.folder(name)

    def test_nothing_is_left_of_a_deleted_one(self, workspace: Workspace, folder: ExecutionFolder) -> None:
        folder.store([OBJECT], len(OBJECT))
        unpacked = folder.begin() / "unpacked" / "read-only"
        unpacked.mkdir(parents=True)
        (unpacked / "file").touch()
        (unpacked / "link").symlink_to("/")
        unpacked.chmod(0o500)
        unpacked.parent.chmod(0o500)
        folder.delete()
        folder.delete()
        assert list(workspace.root.iterdir()) == []


class TestCleaningUp:
    def test_deletes_the_executions_own_folder_and_what_is_left_over(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORKSPACE_PATH", str(workspace.root))
        leave_behind(workspace, "own", 0)
        leave_behind(workspace, "left-over", LEFTOVER_SECONDS + 60)
        at_work = leave_behind(workspace, "at-work", LEFTOVER_SECONDS - 60)
        clean_up_step.handle({"execution": "own"}, Context())
        assert list(workspace.root.iterdir()) == [at_work]

    def test_a_step_that_begins_keeps_the_folder(self, workspace: Workspace) -> None:
        leave_behind(workspace, "slow", LEFTOVER_SECONDS + 60)
        workspace.folder("slow").begin()
        assert workspace.delete_leftovers(time.time(), lambda: True) == 0

    def test_a_later_execution_deletes_what_this_one_has_no_time_for(self, workspace: Workspace) -> None:
        for name in ("a", "b", "c"):
            leave_behind(workspace, name, LEFTOVER_SECONDS + 60)
        answers = iter((True, False))
        assert workspace.delete_leftovers(time.time(), lambda: next(answers)) == 1
        assert workspace.delete_leftovers(time.time(), lambda: True) == 2

    def test_what_cannot_be_deleted_does_not_fail_it(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave_behind(workspace, "a", LEFTOVER_SECONDS + 60)

        def refuse(_folder: ExecutionFolder) -> None:
            raise OSError

        monkeypatch.setattr(ExecutionFolder, "delete", refuse)
        assert workspace.delete_leftovers(time.time(), lambda: True) == 0
