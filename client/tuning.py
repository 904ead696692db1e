"""Settings for sending in parts. The defaults suit most networks."""

from dataclasses import dataclass, field

from client.retry import Backoff
from client.sending import SILENCE_SECONDS


@dataclass(frozen=True)
class Tuning:
    """Times, sizes and counts for one upload."""

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
    silence_seconds: float = SILENCE_SECONDS
    """A connection without traffic for this long counts as broken."""
    rounds: int = 3
    """How often parts that differ at S3 are sent again."""
    backoff: Backoff = field(default_factory=Backoff)
