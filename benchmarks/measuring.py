"""Measures several things alternately, so that other load on the machine affects all of them."""

import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

T = TypeVar("T")

Tick = Callable[[], None]
"""Called after each measurement, to show progress."""


def interleaved(measures: Mapping[str, Callable[[], T]], *, rounds: int, tick: Tick) -> dict[str, list[T]]:
    """Take each measure once a round, in turn, and return the results of all rounds except for the first.

    The first round is discarded because it fills the caches of files, code and libraries.
    """
    taken: dict[str, list[T]] = {name: [] for name in measures}
    for _ in range(rounds + 1):
        for name, measure in measures.items():
            taken[name].append(measure())
            tick()
    return {name: values[1:] for name, values in taken.items()}


def measurements(measures: Collection[str], *, rounds: int) -> int:
    """Return how often `interleaved` calls `tick`."""
    return len(measures) * (rounds + 1)


@dataclass(frozen=True)
class Ratio:
    """The ratio of two measurements."""

    value: float
    """Ratio of the medians."""
    least: float
    most: float
    """Minimum and maximum of the rounds."""

    def __str__(self) -> str:
        return f"{_short(self.value)}x ({_short(self.least)}-{_short(self.most)})"

    @classmethod
    def of(cls, dividends: Sequence[float], divisors: Sequence[float]) -> Self:
        """Divide the results of two measures in the same rounds."""
        each = [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]
        return cls(statistics.median(dividends) / statistics.median(divisors), min(each), max(each))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - two digits are enough to compare ratios
