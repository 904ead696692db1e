"""One version of an object as a seekable file, in the memory of one block."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FIRST_BLOCK_BYTES = 256 * 1024
"""Requested after a seek: most readers that seek, such as zipfile, read little at each place."""

MAX_BLOCK_BYTES = 8 * 1024**2
"""Requested at most. Blocks double while the reader goes on where the last block ended."""

_BUFFER_BYTES = 64 * 1024
"""Of BufferedReader: lines and small fields are read from it without a call of Python."""

ReadRange = Callable[[int, int], Iterator[bytes]]
"""Streams the bytes from the first to the last position, both included."""


def open_object(read_range: ReadRange, size_bytes: int) -> io.BufferedReader:
    """Return an object as a read-only file. Reading it needs up to 12 MiB of memory, for objects of any size."""
    return io.BufferedReader(_Blocks(read_range, size_bytes), _BUFFER_BYTES)


class _Blocks(io.RawIOBase):
    """Reads one range of the object at a time, and serves what lies in it without another request."""

    def __init__(self, read_range: ReadRange, size_bytes: int) -> None:
        self._read_range = read_range
        self._size = size_bytes
        self._position = 0
        self._block = bytearray()
        self._begins_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, origin: int = io.SEEK_SET, /) -> int:
        """Move to a position; one after the end reads nothing. Sends no request."""
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        if origin not in origins:
            raise ValueError(f"The origin is {origin}, but must be 0, 1 or 2.")
        if (position := origins[origin] + offset) < 0:
            raise ValueError(f"The position is {position}, but must not be negative.")
        self._position = position
        return position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Copy the next bytes, at most to the end of the block; returns 0 at the end of the object."""
        with memoryview(buffer).cast("B") as target:
            if self._position >= self._size or not target:
                return 0
            if not self._begins_at <= self._position < self._begins_at + len(self._block):
                self._load(len(target))
            begin = self._position - self._begins_at
            count = min(len(target), len(self._block) - begin)
            target[:count] = memoryview(self._block)[begin : begin + count]
        self._position += count
        return count

    def close(self) -> None:
        """Release the block."""
        self._block = bytearray()
        super().close()

    def _load(self, wanted: int) -> None:
        goes_on = self._block and self._position == self._begins_at + len(self._block)
        length = 2 * len(self._block) if goes_on else max(FIRST_BLOCK_BYTES, wanted)
        length = min(length, MAX_BLOCK_BYTES, self._size - self._position)
        self._block = bytearray()  # releases the last block before the next one takes memory
        block, filled = bytearray(length), 0
        for chunk in self._read_range(self._position, self._position + length - 1):
            block[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        if filled != length:
            raise EOFError(f"{filled} of {length} bytes came from position {self._position}.")
        self._block, self._begins_at = block, self._position
