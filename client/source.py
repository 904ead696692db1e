"""The file that is sent: what it was when it was declared, and whether it still is."""

import base64
import hashlib
import os
import stat
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from client.errors import FileChanged, SizeDiffers
from client.models import Checksum

CHECKSUMS = ("crc32", "sha256")
"""By which a file can be declared; the first costs half of the second."""

_BUFFER_BYTES = 1024 * 1024
_TICK_NS = 20_000_000
"""Linux before 6.13 stamps files with the time of its last clock tick: 10 ms apart at most, and 4 ms as a rule."""


class FileVersion(NamedTuple):
    """What the system knows of a file besides its content; only one process's sending relies on it."""

    changed_ns: int
    """Nobody can set this time back, unlike that of the last write. It also moves with the mode or a new link."""
    inode: int
    device: int


@dataclass(frozen=True)
class SourceFile:
    """A file at the moment when it was looked at.

    A change is noticed by the file's times, so these are not noticed: writes through a memory map that was written to
    before (the system notes them when it writes them to the disk), and writes within the same second or the lifetime
    of cached attributes, on file systems with such. A declared checksum covers them.
    """

    path: Path
    """Absolute, without links."""
    size_bytes: int
    mtime_ns: int
    version: FileVersion | None = field(default=None, compare=False)
    """None where only an earlier process looked at the file: its content is compared then, part by part."""

    @classmethod
    def at(cls, path: str | Path) -> Self:
        """Look at a file; OSError if there is none, or something whose size is not that of what can be read."""
        absolute = Path(path).resolve()
        status = absolute.stat()
        if 0 <= time.time_ns() - status.st_ctime_ns < _TICK_NS:  # another write in the same tick would not show
            time.sleep(_TICK_NS / 1e9)
            status = absolute.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"Not a regular file: {absolute}. Give a regular file, or - for standard input.")
        return cls(absolute, status.st_size, status.st_mtime_ns, _version(status))

    def check(self, descriptor: int | None = None) -> None:
        """Raise FileChanged if anything wrote to the file since, or another one is under its name or open by now."""
        self._compare(self.path.stat())
        if descriptor is not None:
            self._compare(os.fstat(descriptor))

    def open(self, buffer_bytes: int = _BUFFER_BYTES) -> "OpenSource":
        """Open the file for reading; FileChanged if it is another one by now."""
        opened = OpenSource(self, buffer_bytes)
        try:
            opened.check()
        except BaseException:
            opened.close()
            raise
        return opened

    def checksum(self, algorithm: str, offset: int = 0, length: int | None = None) -> Checksum:
        """Read the file, or a piece of it; ValueError if the algorithm is none of CHECKSUMS."""
        return Checksum(algorithm, base64.b64encode(self._digest(_digest(algorithm), offset, length)).decode())

    def md5(self, offset: int, length: int) -> str:
        """Read a piece of the file, and return its MD5 in hexadecimal: it tells bytes apart, and protects nothing."""
        return self._digest(hashlib.md5(usedforsecurity=False), offset, length).hex()

    def _digest(self, digest: "_Digest", offset: int, length: int | None) -> bytes:
        with self.open() as opened:
            for piece in opened.pieces(offset, self.size_bytes - offset if length is None else length):
                digest.update(piece)
            opened.check()
        return digest.digest()

    def _compare(self, now: os.stat_result) -> None:
        if now.st_size != self.size_bytes:
            raise SizeDiffers(
                f"{self.path} has {now.st_size} bytes, but {self.size_bytes} were declared: "
                "let nothing write to it, and upload anew"
            )
        if now.st_mtime_ns != self.mtime_ns or (self.version is not None and _version(now) != self.version):
            raise FileChanged(f"{self.path} was written to since it was declared, or replaced: upload anew")


class OpenSource:
    """The file, open for reading; each thread has its own."""

    def __init__(self, source: SourceFile, buffer_bytes: int) -> None:
        self._source = source
        self._file = source.path.open("rb", buffering=0)
        self._buffer = memoryview(bytearray(max(1, min(buffer_bytes, source.size_bytes))))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def check(self) -> None:
        """Raise FileChanged if the open file has changed, or is no longer what lies under its name."""
        self._source.check(self._file.fileno())

    def pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        """Yield a range of the file; each piece is good until the next one. SizeDiffers if the file ends before."""
        self._file.seek(offset)
        while length:
            try:
                count = self._file.readinto(self._buffer[:length])
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self._source.path)) from error
            if not count:
                self.check()
                raise SizeDiffers(
                    f"{self._source.path} gives fewer bytes than the {self._source.size_bytes} that it is said to "
                    "have: copy it to an ordinary file, and upload that"
                )
            yield self._buffer[:count]
            length -= count


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _digest(algorithm: str) -> _Digest:
    if algorithm not in CHECKSUMS:
        raise ValueError(f"checksum is {algorithm!r}: give one of {', '.join(CHECKSUMS)}")
    return _Crc32() if algorithm == "crc32" else hashlib.sha256()


def _version(status: os.stat_result) -> FileVersion:
    return FileVersion(status.st_ctime_ns, status.st_ino, status.st_dev)
