"""Stores the unfinished uploads of this machine: one file for each upload, and one for the parts that were sent.

The list of parts at S3 comes from S3. The state here shows which of them hold this file's bytes. It has no secrets.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from platformdirs import user_cache_path

from ..answers import read
from ..errors import PortageError, UnexpectedAnswer
from .source import SourceFile

_VERSION = 1


@dataclass(frozen=True)
class Unfinished:
    """An upload in parts that was started."""

    upload_id: str
    api_url: str
    source: SourceFile
    checksum: str | None
    """Algorithm of the declared checksum."""


class SentParts:
    """The parts of one upload that hold the file's bytes, each with its ETag from S3.

    An ETag identifies bytes, but is not their hash if S3 encrypts with KMS. So each part is noted after it was sent or
    compared with the file. Several processes of this machine may write to the same file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: set[tuple[int, str]] = set()

    def note(self, number: int, etag: str) -> None:
        """Write the part to the file immediately, so that it is not sent again after the process was killed."""
        self._noted.add((number, etag))
        with (
            suppress(OSError),
            self._path.open("a", encoding="utf-8") as file,
        ):  # otherwise it is sent again
            file.write(f"{number} {etag}\n")

    def all(self) -> set[tuple[int, str]]:
        """Return numbers and ETags. A part that was sent again has several ETags."""
        return self._noted | set(_noted(self._path))


class StateFolder:
    """Stores unfinished uploads by file (path, size, modification time) and URL of the API."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_cache_path("portage", appauthor=False) / "uploads"

    def find(self, source: SourceFile, api_url: str) -> Unfinished | None:
        """Return the unfinished upload of this file, if the file has not changed."""
        path = self._path(source, api_url)
        return _read(path) if path.exists() else None

    def all(self, api_url: str) -> Iterator[Unfinished]:
        """Yield the unfinished uploads of this API."""
        for path in sorted(self.folder.glob("*.json")):
            unfinished = _read(path)
            if unfinished.api_url == api_url:
                yield unfinished

    def keep(self, unfinished: Unfinished) -> None:
        """Store an upload, by an atomic rename."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = unfinished.source
        stored = _Stored(
            _VERSION,
            unfinished.upload_id,
            unfinished.api_url,
            str(source.path),
            source.size_bytes,
            source.mtime_ns,
            unfinished.checksum,
        )
        path = self._path(unfinished.source, unfinished.api_url)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(stored)))
        fresh.replace(path)

    def sent_parts(self, unfinished: Unfinished) -> SentParts:
        """Return the parts that were sent of this version of the file, even if its modification time was set back."""
        path = self._path(unfinished.source, unfinished.api_url)
        name = _digest(unfinished.upload_id, *map(str, unfinished.source.version or ()))
        return SentParts(path.with_suffix(f".{name}.parts"))

    def forget(self, unfinished: Unfinished) -> None:
        """Delete the state of an upload. Another process may have deleted it before."""
        path = self._path(unfinished.source, unfinished.api_url)
        for each in (path, *self.folder.glob(f"{path.stem}.*.parts")):
            each.unlink(missing_ok=True)

    def _path(self, source: SourceFile, api_url: str) -> Path:
        name = _digest(str(source.path), str(source.size_bytes), str(source.mtime_ns), api_url)
        return self.folder / f"{name}.json"


class _Stored(msgspec.Struct, frozen=True):
    version: int
    upload_id: str
    api_url: str
    path: str
    size_bytes: int
    mtime_ns: int
    checksum: str | None = None


def _read(path: Path) -> Unfinished:
    try:
        stored = read(path.read_bytes(), _Stored, str(path))
    except UnexpectedAnswer as error:
        raise PortageError(f"{path} is damaged: delete it ({error})") from error
    if stored.version != _VERSION:
        raise PortageError(f"{path} is of version {stored.version}, not {_VERSION}: delete it")
    source = SourceFile(Path(stored.path), stored.size_bytes, stored.mtime_ns)
    return Unfinished(stored.upload_id, stored.api_url, source, stored.checksum)


def _noted(path: Path) -> Iterator[tuple[int, str]]:
    """Read the notes. The last line is incomplete if its process was killed."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            number, _, etag = line.partition(" ")
            if number.isdecimal() and etag.endswith("\n"):
                yield int(number), etag.removesuffix("\n")


def _digest(*named: str) -> str:
    return hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()[:32]
