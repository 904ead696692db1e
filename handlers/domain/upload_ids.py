"""UUIDv7s for uploads: unique, and in the order of their creation.

The library uuid6 would make them, but its import takes a third of create_upload's cold start: it reads its own
version by importlib.metadata. The standard library has them from Python 3.14.
Source: RFC 9562, 5.7 and 6.2 (method 2: within one millisecond, the random bits count upwards).
"""

import os
from collections.abc import Callable

_RANDOM_BITS = 74
"""The random part of a version 7: 12 bits before the variant and 62 behind it."""


class UploadIds:
    """Ids of one process, each greater than the one before."""

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._last = 0

    def new(self, milliseconds: int) -> str:
        """Return an id for a time in milliseconds since the epoch, above the last id even if the clock went back."""
        # The topmost random bit stays free, so that counting never runs out within a millisecond.
        random = int.from_bytes(self._random_bytes(10), "big") >> (80 - _RANDOM_BITS + 1)
        self._last = max((milliseconds << _RANDOM_BITS) | random, self._last + 1)
        moment, bits = self._last >> _RANDOM_BITS, self._last & ((1 << _RANDOM_BITS) - 1)
        value = (moment << 80) | (7 << 76) | (bits >> 62 << 64) | (0b10 << 62) | (bits & ((1 << 62) - 1))
        text = f"{value:032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
