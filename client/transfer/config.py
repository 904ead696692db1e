"""Settings and progress of a transfer, and the number of connections that suits the network."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..retry import RetryPolicy

_GROWTH = 1.5
_WORTH = 1.1  # the least speed-up that justifies more connections
_FIRST_HOLD_WINDOWS = 5
_LONGEST_HOLD_WINDOWS = 40


@dataclass(frozen=True)
class TransferConfig:
    """Times, sizes and counts for one upload. The defaults suit most networks."""

    first_connections: int = 4
    most_connections: int = 16
    window_seconds: float = 1.5
    """How long throughput is measured before the number of connections is adapted."""
    parts_signed_at_once: int = 100
    known_size_bytes: int = 16 * 1024 * 1024
    """A stream that ends within this many bytes is declared with its size, as a file is."""
    stream_memory_bytes: int = 128 * 1024 * 1024
    """Memory for the parts of a longer stream; two parts, if they are larger."""
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
    total_bytes: int | None
    """None until the end of a stream is read, as part_count."""
    sent_parts: int
    part_count: int | None
    connections: int


OnProgress = Callable[[Progress], None]
"""Called about ten times a second, in the thread that called the client. An exception stops the upload."""


class Concurrency:
    """Adds connections while throughput increases. Throughput is measured in windows of time.

    A step without effect is reversed, and repeated at increasing intervals. An error halves the number, once in a
    window, because connections that fail together have one cause.
    """

    def __init__(self, first: int = 4, most: int = 16, window_seconds: float = 1.5) -> None:
        self.limit = min(first, most)
        self._most = most
        self._window_seconds = window_seconds
        self._window: tuple[float, int] | None = None
        self._before: tuple[int, float] | None = None
        self._held_windows = 0
        self._next_hold = _FIRST_HOLD_WINDOWS
        self._has_failed = False

    def observe(self, now: float, sent_bytes: int) -> None:
        """Record the number of bytes that all connections have sent."""
        if self._window is None:
            self._window = (now, sent_bytes)
            return
        begun, sent_before = self._window
        if now - begun < self._window_seconds:
            return
        self._window = (now, sent_bytes)
        if self._has_failed:
            self._has_failed = False
        else:
            self._judge(max(0, sent_bytes - sent_before) / (now - begun))

    def record_error(self) -> None:
        """Record that a connection failed or S3 asked to slow down."""
        if self._has_failed:
            return
        self._has_failed = True
        self.limit = max(1, self.limit // 2)
        self._before = None
        self._held_windows = _FIRST_HOLD_WINDOWS

    def _judge(self, rate: float) -> None:
        if self._before is not None:
            former_limit, former_rate = self._before
            self._before = None
            if rate < former_rate * _WORTH:
                self.limit = former_limit
                self._held_windows = self._next_hold
                self._next_hold = min(self._next_hold * 2, _LONGEST_HOLD_WINDOWS)
                return
            self._next_hold = _FIRST_HOLD_WINDOWS
        if self._held_windows:
            self._held_windows -= 1
        elif self.limit < self._most:
            self._before = (self.limit, rate)
            self.limit = min(self._most, max(self.limit + 1, int(self.limit * _GROWTH)))
