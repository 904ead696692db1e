"""Which uploads were begun on this machine and not finished: one small file each, and one with the parts it has sent.

S3 is asked which parts it has; what is noted here tells whether those are this file's. Nothing here is secret.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from client.answers import Fields
from client.errors import PortageError
from client.source import SourceFile

_VERSION = 1


@dataclass(frozen=True)
class Unfinished:
    """An upload in parts that was begun."""

    upload_id: str
    api_url: str
    source: SourceFile
    checksum: str | None
    """Algorithm that the file was declared with."""


class SentParts:
    """The parts of one upload that are known to hold the file's bytes, each with the ETag that S3 gave it.

    An ETag stands for bytes, but tells nothing of them where S3 encrypts by KMS. So each is noted once the part was
    sent, or compared with the file; several processes of this machine may note into the same file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: set[tuple[int, str]] = set()

    def note(self, number: int, etag: str) -> None:
        """Note a part at once: what a killed process has noted is not sent again."""
        self._noted.add((number, etag))
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:  # else it is only sent again
            file.write(f"{number} {etag}\n")

    def all(self) -> set[tuple[int, str]]:
        """Return numbers and ETags: a part may have been sent more than once, and have got another one each time."""
        return self._noted | set(_noted(self._path))


class StateFolder:
    """Remembers what was begun, by the file as it was (path, size, time of its last change) and the API's URL."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_cache_path("portage", appauthor=False) / "uploads"

    def find(self, source: SourceFile, api_url: str) -> Unfinished | None:
        """Return what was begun with this file, if it has not changed since."""
        path = self._path(source, api_url)
        return _read(path) if path.exists() else None

    def all(self, api_url: str) -> Iterator[Unfinished]:
        """Yield everything that was begun with this API."""
        for path in sorted(self.folder.glob("*.json")):
            unfinished = _read(path)
            if unfinished.api_url == api_url:
                yield unfinished

    def keep(self, unfinished: Unfinished) -> None:
        """Remember an upload, at once as a whole."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = {
            "version": _VERSION,
            "upload_id": unfinished.upload_id,
            "api_url": unfinished.api_url,
            "path": str(unfinished.source.path),
            "size_bytes": unfinished.source.size_bytes,
            "mtime_ns": unfinished.source.mtime_ns,
            "checksum": unfinished.checksum,
        }
        path = self._path(unfinished.source, unfinished.api_url)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(content, indent=2), encoding="utf-8")
        fresh.replace(path)

    def sent_parts(self, unfinished: Unfinished) -> SentParts:
        """Return the parts that were sent of exactly this file: not of one that was written to and set back in time."""
        path = self._path(unfinished.source, unfinished.api_url)
        name = _digest(unfinished.upload_id, *map(str, unfinished.source.version or ()))
        return SentParts(path.with_suffix(f".{name}.parts"))

    def forget(self, unfinished: Unfinished) -> None:
        """Let go of an upload that is complete or given up; another process may have done so before."""
        path = self._path(unfinished.source, unfinished.api_url)
        for each in (path, *self.folder.glob(f"{path.stem}.*.parts")):
            each.unlink(missing_ok=True)

    def _path(self, source: SourceFile, api_url: str) -> Path:
        name = _digest(str(source.path), str(source.size_bytes), str(source.mtime_ns), api_url)
        return self.folder / f"{name}.json"


def _read(path: Path) -> Unfinished:
    try:
        content: object = json.loads(path.read_bytes())
    except ValueError as error:
        raise PortageError(f"{path} is damaged, not JSON: delete it") from error
    fields = Fields(content, str(path))
    if fields.number("version") != _VERSION:
        raise PortageError(f"{path} is of version {fields.number('version')}, not {_VERSION}: delete it")
    return Unfinished(
        upload_id=fields.text("upload_id"),
        api_url=fields.text("api_url"),
        source=SourceFile(Path(fields.text("path")), fields.number("size_bytes"), fields.number("mtime_ns")),
        checksum=fields.text("checksum") if "checksum" in fields else None,
    )


def _noted(path: Path) -> Iterator[tuple[int, str]]:
    """Read what was noted; the last line may be cut where its process was killed."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            number, _, etag = line.partition(" ")
            if number.isdecimal() and etag.endswith("\n"):
                yield int(number), etag.removesuffix("\n")


def _digest(*named: str) -> str:
    return hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()[:32]
