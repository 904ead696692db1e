"""What the benchmarks share: how much they measure, where, and whom they tell of their progress."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.certificate import Certificate

MEBIBYTE = 1024**2


@dataclass(frozen=True)
class Amounts:
    """How much is measured."""

    signing_rounds: int
    urls: int
    """Signed in one round by boto3; our signer signs ten times as many, so as to take long enough."""
    start_rounds: int
    calls: int
    """Of a function that has started, in one round."""
    transfer_rounds: int
    transfer_bytes: int
    """A multiple of PART_BYTES."""


FULL = Amounts(
    signing_rounds=15, urls=200, start_rounds=20, calls=20, transfer_rounds=5, transfer_bytes=1024 * MEBIBYTE
)
QUICK = Amounts(signing_rounds=1, urls=5, start_rounds=1, calls=2, transfer_rounds=1, transfer_bytes=32 * MEBIBYTE)


@dataclass(frozen=True)
class Bench:
    """One run."""

    amounts: Amounts
    folder: Path
    """For the time of the run."""
    certificate: Certificate
    expect: Callable[[int], None]
    """Told how many measurements there will be."""
    tick: Callable[[], None]
    """Told after each of them."""
