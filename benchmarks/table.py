"""The table of all results, for a terminal and for the documentation."""

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
    """The limit for a ratio or an amount."""

    limit: float
    unit: str
    is_least: bool

    def __str__(self) -> str:
        return f"{'at least' if self.is_least else 'at most'} {self.limit:g}{self.unit}"

    def is_met(self, value: float) -> bool:
        """Return whether a figure meets the goal."""
        return value >= self.limit if self.is_least else value <= self.limit


def at_least(limit: float) -> Goal:
    """Return a lower limit."""
    return Goal(limit, "x", is_least=True)


def at_most(limit: float, unit: str = "x") -> Goal:
    """Return an upper limit."""
    return Goal(limit, unit, is_least=False)


@dataclass(frozen=True)
class Row:
    """One result. Fields that do not apply are empty."""

    what: str
    ours: str
    peer: str = ""
    ratio: Ratio | None = None
    goal: Goal | None = None
    amount: float | None = None
    """The figure for the goal, if it is not the ratio."""

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
        """Compare results of the same rounds. The ratio is ours/peer, or peer/ours for a lower limit."""
        ratio = Ratio.of(peer, ours) if goal and goal.is_least else Ratio.of(ours, peer)
        medians = show(statistics.median(ours)), f"{peer_name}: {show(statistics.median(peer))}"
        return cls(what, *medians, ratio, goal)

    @property
    def verdict(self) -> str:
        """Return `met` or `missed`, or an empty string without a goal."""
        judged = self.ratio.value if self.amount is None and self.ratio else self.amount
        if self.goal is None or judged is None:
            return ""
        return "met" if self.goal.is_met(judged) else "missed"

    @property
    def cells(self) -> Sequence[str]:
        """Return the cells in the order of COLUMNS."""
        return (self.what, self.ours, self.peer, str(self.ratio or ""), str(self.goal or ""), self.verdict)


_UNLIMITED_COLUMNS = 10_000


def console_for(file: IO[str]) -> Console:
    """Return a console. Does not wrap lines in files and pipes."""
    return Console(file=file, highlight=False, width=None if file.isatty() else _UNLIMITED_COLUMNS)


def for_terminal(rows: Iterable[Row]) -> Table:
    """Return the table for a terminal."""
    table = Table(*COLUMNS, title="Benchmarks", title_justify="left")
    styles = {"met": "green", "missed": "bold red"}
    for row in rows:
        table.add_row(*row.cells, style=styles.get(row.verdict) if row.verdict == "missed" else None)
    return table


def as_markdown(rows: Iterable[Row]) -> str:
    """Return the table as Markdown."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.cells for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
