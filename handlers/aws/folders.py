"""Deletes folders that a team's code has filled."""

from collections.abc import Iterator
from os import DirEntry, scandir
from pathlib import Path
from uuid import uuid4


def delete_folder(path: Path) -> None:
    """Delete a folder with all that is in it, of any depth and permissions, or a file or link.

    Raises FileNotFoundError if nothing is there. Each folder inside is first moved up to `path`: with thousands of them
    in each other, recursion would exceed Python's limit, a path the system's, and open descriptors the process's.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    inner = list(_emptied(path, path))
    while inner:
        folder = inner.pop()
        inner += _emptied(folder, path)
        folder.rmdir()
    path.rmdir()


def _emptied(folder: Path, top: Path) -> Iterator[Path]:
    """Delete the files of a folder, and yield its folders, which are then in the top one."""
    folder.chmod(0o700)
    with scandir(folder) as entries:
        listed: list[DirEntry[str]] = list(entries)
    for entry in listed:
        each = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            each.chmod(0o700)  # its entry for the folder above it changes when it is moved
            yield each.rename(top / uuid4().hex)
        else:
            each.unlink()
