"""Copies standard input to a file, because the size must be declared before the first byte is sent."""

import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path

_COPY_BYTES = 1024 * 1024


def spool(stream: BinaryIO) -> Path:
    """Write the stream to a file in the cache folder. An interrupted upload can continue from there."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / uuid.uuid4().hex
    try:
        with path.open("xb") as file:
            shutil.copyfileobj(stream, file, _COPY_BYTES)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def discard(path: Path) -> None:
    """Delete the file if `spool` wrote it. Keeps a user's own file."""
    if path.parent == _folder().resolve():
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return user_cache_path("portage", appauthor=False) / "spool"
