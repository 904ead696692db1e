"""Folders of any depth and permissions are deleted."""

import os
from pathlib import Path

import pytest

from handlers.aws.folders import delete_folder

DEEP = 1_500
"""More than Python's limit of recursion and a process's open files, and longer than a path may be."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def fill_deeply(folder: Path) -> None:
    at = os.open(folder, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("inner", dir_fd=at)
        inner = os.open("inner", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def test_thousands_of_folders_in_each_other(folder: Path) -> None:
    fill_deeply(folder)
    delete_folder(folder)
    assert not folder.exists()


def test_what_links_lead_to_is_kept(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (folder / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "folder-link").symlink_to(tmp_path / "kept")
    delete_folder(folder)
    delete_folder(tmp_path / "folder-link")
    assert [each.name for each in tmp_path.rglob("*")] == ["kept", "file"]


def test_what_nobody_may_write_or_read(folder: Path) -> None:
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for each in (inner / "file", inner, inner.parent, folder):
        each.chmod(0o000)
    delete_folder(folder)
    assert not folder.exists()


def test_a_file_in_the_place_of_a_folder_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    delete_folder(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        delete_folder(tmp_path / "file")
