"""What can be turned about sending in parts; the defaults are meant for everybody."""

from dataclasses import dataclass, field

from client.retry import Backoff
from client.sending import SILENCE_SECONDS


@dataclass(frozen=True)
class Tuning:
    """Times, sizes and numbers of one upload."""

    first_connections: int = 4
    most_connections: int = 16
    window_seconds: float = 1.5
    """Over which throughput is measured, to choose the number of connections."""
    parts_signed_at_once: int = 100
    bytes_hashed_at_once: int = 128 * 1024 * 1024
    """Where parts carry checksums, no more are signed at once than this: all wait while they are read."""
    early_seconds: float = 30.0
    """A signature that expires sooner is renewed before it is used."""
    listing_seconds: float = 60.0
    """How old a listing of what S3 has may be when further parts are signed."""
    silence_seconds: float = SILENCE_SECONDS
    """A connection on which nothing moves for so long counts as broken."""
    rounds: int = 3
    """How often parts are sent again that S3 does not have as they were sent."""
    backoff: Backoff = field(default_factory=Backoff)
