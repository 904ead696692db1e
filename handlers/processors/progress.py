"""How far a job is, in memory that its child process and the waiting process share.

The child writes here, and each renewal of the lease records what is here. A job neither waits for that nor fails by it.
"""

import json
import mmap
import struct
import zlib
from typing import NamedTuple

MAX_NOTE_CHARACTERS = 200

_HEADER = struct.Struct(">IH")
"""CRC-32 and length of the JSON that follows: a reader sees by them that a write is not complete."""

_BYTES = 4096
"""More than a note of the longest escapes needs."""


class Progress(NamedTuple):
    """The last report of a processor."""

    percent: int
    note: str


class ProgressBoard:
    """Shared memory for one report. Make it before the child process, which inherits it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)

    def write(self, fraction: float, note: str = "") -> None:
        """Replace the report. A fraction out of range counts as 0 or 1."""
        percent = int(100 * min(fraction, 1)) if fraction > 0 else 0  # NaN is not greater than 0
        sentence = note[:MAX_NOTE_CHARACTERS].encode("utf-8", "replace").decode()  # DynamoDB rejects lone surrogates
        body = json.dumps([percent, sentence]).encode()
        data = _HEADER.pack(zlib.crc32(body), len(body)) + body
        self._memory[: len(data)] = data

    def read(self) -> Progress | None:
        """Return the report; None before the first one, and while another one is written."""
        checksum, length = _HEADER.unpack_from(self._memory)
        body = self._memory[_HEADER.size : _HEADER.size + length]
        if not length or zlib.crc32(body) != checksum:
            return None
        return Progress(*json.loads(body))
