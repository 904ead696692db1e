"""Stores the unfinished uploads of this machine: one file for each upload, and one for the parts that were sent.

The list of parts at S3 comes from S3. The state here shows which of them hold this file's bytes. It has no secrets.
Uploads continue without it, so that no error of this folder ends a transfer.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec
from platformdirs import user_cache_path

from ..errors import UnexpectedAnswer, reason
from ..transport import read
from .source import SourceFile

if sys.platform != "win32":
    import fcntl

_LOCK_SECONDS = 0.05

Warn = Callable[[str], object]
"""Called with a sentence that does not end the transfer."""

log_warning: Warn = logging.getLogger("portage").warning


@dataclass(frozen=True)
class Unfinished:
    """An upload that was started."""

    upload_id: str
    api_url: str
    source: SourceFile
    checksum: str | None
    """Algorithm of the declared checksum."""
    account: str = ""
    """The user that started it, as tokens name users."""
    file_name: str = ""
    content_type: str = ""
    method: str = "multipart"
    """How its bytes are sent."""
    asked_method: str | None = None
    """The method in the declaration, None if the API chose."""
    idempotency_key: str = ""
    """Of the declaration, which can be repeated with it. Empty if another device started the upload."""


class SentParts:
    """The parts of one upload that hold the file's bytes, each with its ETag from S3.

    An ETag identifies bytes, but is not their hash if S3 encrypts with KMS. So each part is noted after it was sent or
    compared with the file. Several processes of this machine may write to the same file.

    S3 shows a part before its sender knows its ETag and has noted it. So a process locks the file while it sends a
    part: shared with others that send, and not while one compares.
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

    @contextmanager
    def sending(self, pause: Callable[[float], None]) -> Generator[None]:
        """Send and note a part meanwhile. Waits with `pause` while another process compares."""
        while True:
            with _locked(self._path, is_shared=True) as is_locked:
                if is_locked:
                    yield
                    return
            pause(_LOCK_SECONDS)

    @contextmanager
    def comparing(self) -> Generator[bool]:
        """Read what S3 has and `all` meanwhile. Yields False if another process is sending or comparing."""
        with _locked(self._path, is_shared=False) as is_locked:
            yield is_locked


class StateFolder:
    """Stores unfinished uploads, each under its ID and the URL of its API."""

    def __init__(self, folder: Path | None = None, warn: Warn = log_warning) -> None:
        self.folder = folder or user_cache_path("portage", appauthor=False) / "uploads"
        self._warn = warn
        self._warned: set[Path] = set()

    def all(self, api_url: str, account: str = "") -> Iterator[Unfinished]:
        """Yield the unfinished uploads of this user. Warns of files that cannot be read, and skips them."""
        for path in sorted(self.folder.glob("*.json")):
            unfinished = self._read(path)
            if unfinished is not None and (unfinished.api_url, unfinished.account) == (api_url, account):
                yield unfinished

    def keep(self, unfinished: Unfinished) -> bool:
        """Store an upload, by an atomic rename. Warns and returns False if it cannot be stored."""
        path = self._path(unfinished)
        fresh = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(_Stored.of(unfinished))))
            fresh.replace(path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            self._warn(
                f"{self.folder} cannot be written ({reason(error)}), so upload {unfinished.upload_id} is not stored "
                "on this machine, and cannot be continued without its ID"
            )
            return False
        return True

    def has(self, unfinished: Unfinished) -> bool:
        """Whether the upload is stored."""
        return any(each.upload_id == unfinished.upload_id for each in self.all(unfinished.api_url, unfinished.account))

    def sent_parts(self, unfinished: Unfinished) -> SentParts:
        """Return the parts that were sent of this version of the file, even if its modification time was set back."""
        name = _digest(*map(str, unfinished.source.version or ()))
        return SentParts(self._path(unfinished).with_suffix(f".{name}.parts"))

    def forget(self, unfinished: Unfinished) -> None:
        """Delete the state of an upload. Another process may have deleted it before."""
        path = self._path(unfinished)
        for each in (path, *self.folder.glob(f"{path.stem}.*.parts")):
            with suppress(OSError):  # it is found to have ended when it is continued
                each.unlink(missing_ok=True)

    def _path(self, unfinished: Unfinished) -> Path:
        return self.folder / f"{_digest(unfinished.upload_id, unfinished.api_url)}.json"

    def _read(self, path: Path) -> Unfinished | None:
        try:
            return read(path.read_bytes(), _Stored, str(path)).unfinished()
        except FileNotFoundError:
            return None  # another process has deleted it
        except (OSError, UnexpectedAnswer) as error:
            if path not in self._warned:
                self._warned.add(path)
                self._warn(f"the state of an upload in {path} cannot be read: delete the file ({reason(error)})")
            return None


class _Stored(msgspec.Struct, frozen=True, tag_field="version", tag=2):
    upload_id: str
    api_url: str
    account: str
    path: str
    """Percent-encoded, because file names may be any bytes."""
    size_bytes: int
    mtime_ns: int
    file_name: str
    content_type: str
    method: str
    idempotency_key: str
    asked_method: str | None = None
    checksum: str | None = None

    @classmethod
    def of(cls, unfinished: Unfinished) -> "_Stored":
        source = unfinished.source
        return cls(
            path=quote_from_bytes(os.fsencode(source.path)),
            size_bytes=source.size_bytes,
            mtime_ns=source.mtime_ns,
            upload_id=unfinished.upload_id,
            api_url=unfinished.api_url,
            account=unfinished.account,
            file_name=unfinished.file_name,
            content_type=unfinished.content_type,
            method=unfinished.method,
            idempotency_key=unfinished.idempotency_key,
            asked_method=unfinished.asked_method,
            checksum=unfinished.checksum,
        )

    def unfinished(self) -> Unfinished:
        path = Path(os.fsdecode(unquote_to_bytes(self.path)))
        if "\0" in str(path):
            raise UnexpectedAnswer("its path has a NUL character, which no file has")
        return Unfinished(
            upload_id=self.upload_id,
            api_url=self.api_url,
            source=SourceFile(path, self.size_bytes, self.mtime_ns),
            checksum=self.checksum,
            account=self.account,
            file_name=self.file_name,
            content_type=self.content_type,
            method=self.method,
            asked_method=self.asked_method,
            idempotency_key=self.idempotency_key,
        )


@contextmanager
def _locked(path: Path, *, is_shared: bool) -> Generator[bool]:
    """Lock a file, and yield whether that succeeded. A process that cannot have the file is alone with it.

    The system removes the lock of a process that has ended.
    """
    with ExitStack() as opened:
        is_locked = True
        if sys.platform != "win32":
            try:
                descriptor = opened.enter_context(path.open("a", encoding="utf-8")).fileno()
                fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                is_locked = False
            except OSError:  # the folder cannot be written, or its file system has no locks
                pass
        yield is_locked


def _noted(path: Path) -> Iterator[tuple[int, str]]:
    """Read the notes. The last line is incomplete if its process was killed."""
    lines: list[str] = []
    with suppress(OSError, UnicodeDecodeError):  # otherwise the parts are compared with the file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for line in lines:
        number, _, etag = line.partition(" ")
        if number.isdecimal() and etag.endswith("\n"):
            yield int(number), etag.removesuffix("\n")


def _digest(*named: str) -> str:
    return hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()[:32]
