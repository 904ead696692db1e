"""Progress of sending a file."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The progress of one upload at one moment."""

    upload_id: str
    sent_bytes: int
    """Includes bytes that earlier runs and other devices sent. Decreases when a part must be sent again."""
    total_bytes: int
    sent_parts: int
    part_count: int
    connections: int


OnProgress = Callable[[Progress], None]
"""Called about ten times a second, in the thread that called the client. An exception stops the upload."""
