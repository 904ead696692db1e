"""How the client sends the bytes of an upload: in one PUT, in a browser's form, or in parts.

Limits: S3 guide, "Amazon S3 multipart upload limits" and "Uploading objects".
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

MEBIBYTE = 1024**2
GIBIBYTE = 1024**3

MAX_PARTS = 10_000
MAX_PART_BYTES = 5 * GIBIBYTE
MAX_SINGLE_REQUEST_BYTES = 5 * GIBIBYTE
MAX_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES
"""48.8 TiB: the size of an object of MAX_PARTS parts, each of MAX_PART_BYTES."""

PREFERRED_PART_BYTES = 16 * MEBIBYTE
"""Small enough to be sent again at little cost, large enough that the cost of a request is negligible."""

PARTS_OF_ONE_SIZE = 1_000
"""Parts before the next growth, for an upload of unknown size. Records depend on it: never change it."""


class Method(StrEnum):
    """How the client sends the bytes."""

    PUT = "put"
    POST = "post"
    MULTIPART = "multipart"

    @property
    def max_size_bytes(self) -> int:
        """The size of the largest object that a client can send by this method."""
        return MAX_OBJECT_BYTES if self is Method.MULTIPART else MAX_SINGLE_REQUEST_BYTES


def allowed_methods(*, allow_forms: bool) -> tuple[Method, ...]:
    """Return the methods for clients. Forms can be excluded, because S3 lets a form overwrite an object."""
    return tuple(method for method in Method if allow_forms or method is not Method.POST)


class PartSize(NamedTuple):
    """The size of parts from one on, until the next one of these. The names are the API's."""

    first_part: int
    size_bytes: int


class Parts(NamedTuple):
    """A division into parts. All have the planned size, except for the last one, which may be shorter."""

    size_bytes: int
    part_size_bytes: int
    part_growth_bytes: int = 0
    """Added to the size after each PARTS_OF_ONE_SIZE parts."""

    @classmethod
    def of(cls, size_bytes: int) -> "Parts":
        """Divide an object of 1 byte to 48.8 TiB into at most 10,000 parts, of whole MiB."""
        if not 1 <= size_bytes <= MAX_OBJECT_BYTES:
            raise ValueError(f"size_bytes is {size_bytes}, but must be from 1 to {MAX_OBJECT_BYTES}.")
        least = -(-size_bytes // MAX_PARTS)
        return cls(size_bytes, max(PREFERRED_PART_BYTES, -(-least // MEBIBYTE) * MEBIBYTE))

    @classmethod
    def growing(cls, max_size_bytes: int) -> "Parts":
        """Divide an object of unknown size, up to a limit, so that small ones need little of a client's memory.

        After each 1,000 parts, the size grows by the same number of MiB: the smallest with which the limit fits into
        10,000 parts. With a limit over 24.4 TiB, the last parts would be over 5 GiB: then all have one size.
        """
        steps = MAX_PARTS // PARTS_OF_ONE_SIZE
        missing = max_size_bytes - MAX_PARTS * PREFERRED_PART_BYTES
        growths = PARTS_OF_ONE_SIZE * steps * (steps - 1) // 2
        growth = max(0, -(-missing // (growths * MEBIBYTE))) * MEBIBYTE
        if PREFERRED_PART_BYTES + (steps - 1) * growth > MAX_PART_BYTES:
            return cls.of(max_size_bytes)
        return cls(max_size_bytes, PREFERRED_PART_BYTES, growth)

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - a plan's values are never counted
        """The number of parts: 1 to 10,000."""
        *_, (numbers, _) = self.runs()
        return numbers[-1]

    @property
    def sizes(self) -> list[PartSize]:
        """The planned sizes, each with the first part that has it."""
        firsts = range(1, self.count + 1, PARTS_OF_ONE_SIZE) if self.part_growth_bytes else (1,)
        return [
            PartSize(first, self.part_size_bytes + step * self.part_growth_bytes) for step, first in enumerate(firsts)
        ]

    def runs(self) -> Iterator[tuple[range, int]]:
        """Yield the numbers of all parts, in ranges of one length, with this length."""
        first, left, size = 1, self.size_bytes, self.part_size_bytes
        while left:
            full = min(left // size, PARTS_OF_ONE_SIZE) if self.part_growth_bytes else left // size
            if full:
                yield range(first, first + full), size
            first, left = first + full, left - full * size
            if 0 < left < size:
                yield range(first, first + 1), left
                return
            size += self.part_growth_bytes

    def missing(self, lengths: Mapping[int, int]) -> list[tuple[int, int]]:
        """Return ranges of parts (first, last) that are missing or have another length, given those that exist.

        Other parts are ignored: completing an upload leaves them out.
        """
        return _ranges(number for numbers, length in self.runs() for number in numbers if lengths.get(number) != length)


def choose_method(size_bytes: int, *, multipart_threshold_bytes: int) -> Method:
    """Return PUT up to the threshold, and otherwise parts, so that a broken connection loses only one part."""
    most = min(multipart_threshold_bytes, Method.PUT.max_size_bytes)
    return Method.PUT if size_bytes <= most else Method.MULTIPART


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
