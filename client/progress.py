"""How far the sending of a file is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A moment of one upload."""

    upload_id: str
    sent_bytes: int
    """With what earlier runs and other devices have sent; it falls when a part must be sent again."""
    total_bytes: int
    sent_parts: int
    part_count: int
    connections: int


OnProgress = Callable[[Progress], None]
"""Called some ten times a second, by the thread that called the client; what it raises ends the sending."""
