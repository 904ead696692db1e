"""An object that is made up as it is read, so that it can be larger than the memory."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from handlers.storage.object_reader import open_object

MIB = 1024**2


@dataclass
class Ranges:
    """Serves an object's ranges, and keeps the length of each."""

    content: Callable[[int, int], bytes]
    size_bytes: int
    lengths: list[int] = field(default_factory=list[int])

    def read(self, first: int, last: int) -> Iterator[bytes]:
        assert 0 <= first <= last < self.size_bytes
        self.lengths.append(last - first + 1)
        for begin in range(first, last + 1, MIB):
            yield self.content(begin, min(begin + MIB, last + 1))

    def open(self) -> io.BufferedReader:
        return open_object(self.read, self.size_bytes)


def of(body: bytes) -> Ranges:
    return Ranges(lambda begin, end: body[begin:end], len(body))


def repeated(line: bytes, size_bytes: int) -> Ranges:
    """The same line again and again."""
    block = line * (MIB // len(line) + 2)

    def content(begin: int, end: int) -> bytes:
        start = begin % len(line)
        return block[start : start + end - begin]

    return Ranges(content, size_bytes)
