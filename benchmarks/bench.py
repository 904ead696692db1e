"""Parameters of all benchmarks: amounts, folder, certificate and progress."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.certificate import Certificate

MEBIBYTE = 1024**2


@dataclass(frozen=True)
class Amounts:
    """Numbers of rounds, calls and bytes."""

    signing_rounds: int
    urls: int
    """URLs that boto3 signs in one round. Our signer signs ten times as many, otherwise a round would be too short."""
    start_rounds: int
    calls: int
    """Calls of a started function in one round."""
    transfer_rounds: int
    transfer_bytes: int
    """A multiple of PART_BYTES."""
    fairness_rounds: int
    flood: int
    """Uploads of one owner, behind which another one's wait."""


FULL = Amounts(
    signing_rounds=15,
    urls=200,
    start_rounds=20,
    calls=20,
    transfer_rounds=5,
    transfer_bytes=1024 * MEBIBYTE,
    fairness_rounds=3,
    flood=3_000,
)
QUICK = Amounts(
    signing_rounds=1,
    urls=5,
    start_rounds=1,
    calls=2,
    transfer_rounds=1,
    transfer_bytes=32 * MEBIBYTE,
    fairness_rounds=1,
    flood=50,
)


@dataclass(frozen=True)
class Bench:
    """One run."""

    amounts: Amounts
    folder: Path
    """Deleted after the run."""
    certificate: Certificate
    expect: Callable[[int], None]
    """Called with the number of measurements."""
    tick: Callable[[], None]
    """Called after each measurement."""
