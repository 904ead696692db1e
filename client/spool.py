"""Standard input as a file: its size must be declared before its first byte is sent, and is known after its last."""

import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path

_COPY_BYTES = 1024 * 1024


def spool(stream: BinaryIO) -> Path:
    """Write everything that comes into a file under the cache folder, where an interrupted upload finds it again."""
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
    """Delete a spooled file that is of no use any more; a user's own file is left alone."""
    if path.parent == _folder().resolve():
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return user_cache_path("portage", appauthor=False) / "spool"
