"""Settings and progress of a transfer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..retry import RetryPolicy


@dataclass(frozen=True)
class TransferConfig:
    """Times, sizes and counts for one upload. The defaults suit most networks."""

    first_connections: int = 4
    most_connections: int = 16
    window_seconds: float = 1.5
    """How long throughput is measured before the number of connections is adapted."""
    parts_signed_at_once: int = 100
    bytes_hashed_at_once: int = 128 * 1024 * 1024
    """Limits the parts that are signed at once if they have checksums, because all threads wait for these."""
    early_seconds: float = 30.0
    """A signature that expires within this time is renewed before use."""
    listing_seconds: float = 60.0
    """Maximum age of the list of parts at S3 when further parts are signed."""
    silence_seconds: float = 60.0
    """A connection without traffic for this long counts as broken."""
    rounds: int = 3
    """How often parts that differ at S3 are sent again."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)


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
