"""The file that is sent: what it was when it was declared, and whether it still is."""

import base64
import errno
import hashlib
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from client.errors import FileChanged, SizeDiffers
from client.models import Checksum

CHECKSUMS = ("crc32", "sha256")
"""By which a file can be declared; the first costs half of the second."""

_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SourceFile:
    """A file at the moment when it was looked at."""

    path: Path
    """Absolute, without links."""
    size_bytes: int
    mtime_ns: int

    @classmethod
    def at(cls, path: str | Path) -> Self:
        """Look at a file; OSError if there is none, or something whose size is not that of what can be read."""
        absolute = Path(path).resolve()
        status = absolute.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no regular file: give one, or - for standard input", str(absolute))
        return cls(absolute, status.st_size, status.st_mtime_ns)

    def check(self) -> None:
        """Raise FileChanged if anything wrote to the file since, or another file took its place."""
        status = self.path.stat()
        if status.st_size != self.size_bytes:
            raise SizeDiffers(
                f"{self.path} has {status.st_size} bytes, but {self.size_bytes} were declared: "
                "let nothing write to it, and upload anew"
            )
        if status.st_mtime_ns != self.mtime_ns:
            raise FileChanged(f"{self.path} was written to since it was declared: upload anew")

    def checksum(self, algorithm: str, offset: int = 0, length: int | None = None) -> Checksum:
        """Read the file, or a piece of it; ValueError if the algorithm is none of CHECKSUMS."""
        left = self.size_bytes - offset if length is None else length
        digest = _digest(algorithm)
        buffer = memoryview(bytearray(min(_BUFFER_BYTES, max(left, 1))))
        with self.path.open("rb", buffering=0) as file:
            file.seek(offset)
            while left:
                count = file.readinto(buffer[:left])
                if not count:
                    self.check()
                    raise SizeDiffers(f"{self.path} ends before the {self.size_bytes} bytes that it is said to have")
                digest.update(buffer[:count])
                left -= count
        return Checksum(algorithm, base64.b64encode(digest.digest()).decode())


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
