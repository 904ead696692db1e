"""The one table of all results, for a terminal and for the documentation."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Self

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Ratio

COLUMNS = ("what", "ours", "peer", "ratio", "goal", "")


@dataclass(frozen=True)
class Goal:
    """What a figure must keep: a ratio, or an amount of some unit."""

    limit: float
    unit: str
    is_least: bool

    def __str__(self) -> str:
        return f"{'at least' if self.is_least else 'at most'} {self.limit:g}{self.unit}"

    def is_met(self, value: float) -> bool:
        """Judge a figure."""
        return value >= self.limit if self.is_least else value <= self.limit


def at_least(limit: float, unit: str = "x") -> Goal:
    """The more the better."""
    return Goal(limit, unit, is_least=True)


def at_most(limit: float, unit: str = "x") -> Goal:
    """The less the better."""
    return Goal(limit, unit, is_least=False)


@dataclass(frozen=True)
class Row:
    """One result; what does not apply is left out."""

    what: str
    ours: str
    peer: str = ""
    ratio: Ratio | None = None
    goal: Goal | None = None
    amount: float | None = None
    """What the goal is for, where that is not the ratio."""

    @classmethod
    def compared(
        cls,
        what: str,
        ours: Sequence[float],
        peer: Sequence[float],
        *,
        peer_name: str,
        show: Callable[[float], str],
        goal: Goal | None = None,
    ) -> Self:
        """Compare what was measured in the same rounds: how much of the peer ours is; by `at_least`, the reverse."""
        ratio = Ratio.of(peer, ours) if goal and goal.is_least else Ratio.of(ours, peer)
        medians = show(statistics.median(ours)), f"{peer_name}: {show(statistics.median(peer))}"
        return cls(what, *medians, ratio, goal)

    @property
    def verdict(self) -> str:
        """Say whether the goal is met, where there is one and something was measured."""
        judged = self.ratio.value if self.amount is None and self.ratio else self.amount
        if self.goal is None or judged is None:
            return ""
        return "met" if self.goal.is_met(judged) else "missed"

    @property
    def cells(self) -> Sequence[str]:
        """As COLUMNS are."""
        return (self.what, self.ours, self.peer, str(self.ratio or ""), str(self.goal or ""), self.verdict)


_UNLIMITED_COLUMNS = 10_000


def console_for(file: IO[str]) -> Console:
    """Open a console. A file or a pipe has no width, so nothing is wrapped there."""
    return Console(file=file, highlight=False, width=None if file.isatty() else _UNLIMITED_COLUMNS)


def for_terminal(rows: Iterable[Row]) -> Table:
    """Draw the table."""
    table = Table(*COLUMNS, title="Benchmarks", title_justify="left")
    styles = {"met": "green", "missed": "bold red"}
    for row in rows:
        table.add_row(*row.cells, style=styles.get(row.verdict) if row.verdict == "missed" else None)
    return table


def as_markdown(rows: Iterable[Row]) -> str:
    """Write the table."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.cells for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
