"""The shared workspace of a workflow: a file system that its functions mount, with a folder for each execution.

    {root}/{execution}/object    the uploaded object, read-only
    {root}/{execution}/files/    what processors write

An execution has the id of an SQS message as its name, so two executions have two folders, and no name comes from a
user. The workflow's last step deletes the folder, after success and after failure.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from logging import getLogger
from pathlib import Path

from handlers.aws.folders import delete_folder
from handlers.storage.objects import CHUNK_BYTES

log = getLogger(__name__)

LEFTOVER_SECONDS = 24 * 3600
"""A folder that no step has begun with for this long is left over: a step and the wait for the next try take less."""

_EXECUTION = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True)
class ExecutionFolder:
    """What one execution has in the workspace."""

    path: Path

    def begin(self) -> Path:
        """Return the folder for processors' files. Keeps it from being deleted as left over."""
        files = self.path / "files"
        files.mkdir(parents=True, exist_ok=True)
        os.utime(self.path)
        return files

    def has_object(self, size_bytes: int) -> bool:
        """Return whether the whole object is here."""
        try:
            return self._object.stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def store(self, chunks: Iterable[bytes], size_bytes: int) -> None:
        """Write the object, unless an earlier try has done so. Raises EOFError for another size."""
        self.begin()
        if self.has_object(size_bytes):
            return
        part = self.path / "object.part"
        part.unlink(missing_ok=True)
        with part.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            if (written := file.tell()) != size_bytes:
                raise EOFError(f"{written} of {size_bytes} bytes came.")
        part.chmod(0o400)
        part.rename(self._object)

    def chunks(self) -> Iterator[bytes]:
        """Stream the object from its start."""
        with self.open() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def open(self) -> BufferedReader:
        """Open the object as a read-only file."""
        return self._object.open("rb")

    def delete(self) -> None:
        """Delete the folder, if it is there, with all that is in it."""
        try:
            delete_folder(self.path)
        except FileNotFoundError:
            if self.path.exists():  # something in it was deleted at the same time
                raise

    @property
    def _object(self) -> Path:
        return self.path / "object"


@dataclass(frozen=True)
class Workspace:
    """The file system where it is mounted."""

    root: Path

    def folder(self, execution: str) -> ExecutionFolder:
        """Return the folder of an execution, which need not exist."""
        if not _EXECUTION.fullmatch(execution):
            raise ValueError(f"The execution is {execution!r}, but must be 1 to 80 letters, digits, - and _.")
        return ExecutionFolder(self.root / execution)

    def delete_leftovers(self, now: float, has_time: Callable[[], bool]) -> int:
        """Delete the folders of executions that were stopped before their last step; returns how many.

        `now` is in seconds since 1970. Stops where `has_time` returns false; a later execution deletes the rest.
        """
        count = 0
        for path in self.root.iterdir():
            if not has_time():
                break
            try:
                if now - path.stat().st_mtime > LEFTOVER_SECONDS:
                    ExecutionFolder(path).delete()
                    count += 1
            except OSError:  # another execution may delete it at the same time
                log.warning("The folder %s was not deleted.", path, exc_info=True)
        return count
