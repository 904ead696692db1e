"""What is sent: a file, with checks that it has not changed since it was declared, or bytes in memory."""

import base64
import hashlib
import os
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from ..api.models import Checksum
from ..errors import FileChanged, SizeDiffers

CHECKSUMS = ("crc32", "sha256")
"""Algorithms for declared checksums. The first needs half the time of the second."""

_BUFFER_BYTES = 1024 * 1024
_TICK_NS = 20_000_000
"""Linux before 6.13 sets a file's times to the last clock tick. Ticks are at most 10 ms apart, usually 4 ms."""


class Opened(Protocol):
    """A source that one thread reads."""

    def close(self) -> None:
        """Close it."""
        ...

    def check(self) -> None:
        """Raise FileChanged if it is not what was declared."""
        ...

    def pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        """Yield a range. A piece is valid until the next one."""
        ...


class Source(Protocol):
    """What is sent."""

    @property
    def name(self) -> str:
        """The name in messages."""
        ...

    @property
    def size_bytes(self) -> int:
        """The bytes that it has."""
        ...

    def open(self, buffer_bytes: int) -> Opened:
        """Open it for reading by one thread."""
        ...


class FileVersion(NamedTuple):
    """Attributes that identify a version of a file. Valid within one process only."""

    changed_ns: int
    """Time of the last change. Unlike the time of the last write it cannot be set. Also changes with mode and links."""
    inode: int
    device: int


@dataclass(frozen=True)
class SourceFile:
    """A file with its attributes at one moment.

    Changes are detected by the file's times. Not detected: writes through a memory map that had unsaved writes before
    (the system sets the time when it writes to disk), and writes within the same second or the lifetime of cached
    attributes on file systems that have these. A declared checksum detects them.
    """

    path: Path
    """Absolute, without links."""
    size_bytes: int
    mtime_ns: int
    version: FileVersion | None = field(default=None, compare=False)
    """None if an earlier process read the attributes. The content is then compared part by part."""

    @classmethod
    def at(cls, path: str | Path) -> Self:
        """Read the attributes of a file. Raises OSError if it does not exist or is not a regular file."""
        if not stat.S_ISREG(Path(path).absolute().stat().st_mode):  # before links are followed: a pipe has no path
            raise OSError(f"Not a regular file: {path}. Give a regular file, or - to read standard input from a pipe.")
        absolute = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a loop of links
        status = absolute.stat()
        if 0 <= time.time_ns() - status.st_ctime_ns < _TICK_NS:  # another write in the same tick would not be detected
            time.sleep(_TICK_NS / 1e9)
            status = absolute.stat()
        return cls(absolute, status.st_size, status.st_mtime_ns, _version(status))

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def check(self, descriptor: int | None = None) -> None:
        """Raise FileChanged if the file was changed or replaced, or the descriptor is of another file."""
        self._compare(self.path.stat())
        if descriptor is not None:
            self._compare(os.fstat(descriptor))

    def open(self, buffer_bytes: int = _BUFFER_BYTES) -> "OpenSource":
        """Open the file for reading. Raises FileChanged if it was changed or replaced."""
        opened = OpenSource(self, buffer_bytes)
        try:
            opened.check()
        except BaseException:
            opened.close()
            raise
        return opened

    def head(self, length: int) -> bytes:
        """Return the first bytes."""
        with closing(self.open()) as opened:
            return b"".join(bytes(piece) for piece in opened.pieces(0, min(length, self.size_bytes)))

    def checksum(self, algorithm: str, offset: int = 0, length: int | None = None) -> Checksum:
        """Return the checksum of the file or a range. Raises ValueError if the algorithm is not in CHECKSUMS."""
        digest = RunningChecksum(algorithm)
        self._digest(digest, offset, length)
        return digest.value

    def md5(self, offset: int, length: int) -> str:
        """Return the MD5 of a range in hexadecimal, for comparison with an ETag. Not for protection."""
        digest = hashlib.md5(usedforsecurity=False)
        self._digest(digest, offset, length)
        return digest.hexdigest()

    def _digest(self, digest: "_Updated", offset: int, length: int | None) -> None:
        with closing(self.open()) as opened:
            for piece in opened.pieces(offset, self.size_bytes - offset if length is None else length):
                digest.update(piece)
            opened.check()

    def _compare(self, now: os.stat_result) -> None:
        if now.st_size != self.size_bytes:
            raise SizeDiffers(
                f"{self.path} has {now.st_size} bytes, but {self.size_bytes} were declared: "
                "stop writing to it, and upload it again"
            )
        if now.st_mtime_ns != self.mtime_ns or (self.version is not None and _version(now) != self.version):
            raise FileChanged(f"{self.path} was changed or replaced after it was declared: upload it again")


class OpenSource:
    """The file, open for reading by one thread."""

    def __init__(self, source: SourceFile, buffer_bytes: int) -> None:
        self._source = source
        self._file = source.path.open("rb", buffering=0)
        self._buffer = memoryview(bytearray(max(1, min(buffer_bytes, source.size_bytes))))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def check(self) -> None:
        """Raise FileChanged if the open file was changed or replaced."""
        self._source.check(self._file.fileno())

    def pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        """Yield a range of the file. A piece is valid until the next one. Raises SizeDiffers if the file is shorter."""
        self._file.seek(offset)
        while length:
            try:
                count = self._file.readinto(self._buffer[:length])
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self._source.path)) from error
            if not count:
                self.check()
                raise SizeDiffers(
                    f"{self._source.path} has fewer bytes than its size of {self._source.size_bytes}: copy it to an "
                    "ordinary file, and upload that"
                )
            yield self._buffer[:count]
            length -= count


@dataclass(frozen=True)
class HeldBytes:
    """Bytes in memory."""

    content: bytes | bytearray
    name: str

    @property
    def size_bytes(self) -> int:
        """The bytes that it has."""
        return len(self.content)

    def open(self, buffer_bytes: int = _BUFFER_BYTES) -> "OpenBytes":
        """Return a reader."""
        content = memoryview(self.content)
        return OpenBytes(lambda offset, length: content[offset : offset + length], buffer_bytes)

    def head(self, length: int) -> bytes:
        """Return the first bytes."""
        return bytes(self.content[:length])

    def checksum(self, algorithm: str) -> Checksum:
        """Return the checksum of all bytes. Raises ValueError if the algorithm is not in CHECKSUMS."""
        return checksum_of(memoryview(self.content), algorithm)


@dataclass(frozen=True)
class OpenBytes:
    """Bytes in memory, read by one thread."""

    range_of: Callable[[int, int], memoryview]
    """Returns the bytes from an offset on, in a length."""
    piece_bytes: int

    def close(self) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing: nobody else has these bytes."""

    def pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        """Yield a range."""
        content = self.range_of(offset, length)
        for begin in range(0, length, self.piece_bytes):
            yield content[begin : begin + self.piece_bytes]


class _Updated(Protocol):
    def update(self, data: memoryview, /) -> None: ...


class _Digest(_Updated, Protocol):
    def digest(self) -> bytes: ...


class RunningChecksum:
    """The checksum of the bytes that it was given so far. Raises ValueError if the algorithm is not in CHECKSUMS."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._digest = _digest(algorithm)

    def update(self, data: memoryview) -> None:
        """Add bytes."""
        self._digest.update(data)

    @property
    def value(self) -> Checksum:
        """The checksum, as it is declared."""
        return Checksum(self._algorithm, base64.b64encode(self._digest.digest()).decode())


def checksum_of(content: memoryview, algorithm: str) -> Checksum:
    """Return the checksum of bytes in memory. Raises ValueError if the algorithm is not in CHECKSUMS."""
    digest = RunningChecksum(algorithm)
    digest.update(content)
    return digest.value


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
