"""A picture of noise, which has any size, a recognizable type, and cannot be compressed."""

import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

MEDIA_TYPE = "image/png"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = 3
_TRUE_COLOUR = 2  # PNG specification, 11.2.1: the colour type, at 8 bits a channel
_ROW_FILTER_NONE = b"\x00"


@dataclass(frozen=True)
class Picture:
    """A file that was written, and its size and checksum."""

    path: Path
    size_bytes: int
    sha256: str
    """Hexadecimal."""


def write_picture(path: Path, side_pixels: int) -> Picture:
    """Write a square PNG row by row, so that it is never in memory at once."""
    digest = hashlib.sha256()
    compressor = zlib.compressobj(level=0)  # stored: noise cannot be compressed

    with path.open("wb") as file:

        def write(content: bytes) -> None:
            digest.update(content)
            file.write(content)

        write(_SIGNATURE)
        header = struct.pack(">IIBBBBB", side_pixels, side_pixels, 8, _TRUE_COLOUR, 0, 0, 0)
        write(_chunk(b"IHDR", header))
        for _ in range(side_pixels):
            row = _ROW_FILTER_NONE + os.urandom(side_pixels * _CHANNELS)
            if data := compressor.compress(row):
                write(_chunk(b"IDAT", data))
        write(_chunk(b"IDAT", compressor.flush()))
        write(_chunk(b"IEND", b""))
        return Picture(path, file.tell(), digest.hexdigest())


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
