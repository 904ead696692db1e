"""Shows the progress of uploads on standard error: bars on a terminal, lines otherwise."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from ..transfer.config import OnProgress, Progress
from .output import printable, write_line

_LINE_SECONDS = 5.0


@contextmanager
def show_nothing(_: str) -> Generator[OnProgress]:
    """Show no progress."""
    yield lambda _: None


@contextmanager
def show(name: str) -> Generator[OnProgress]:
    """Show the progress of one file: as a bar if standard error is a terminal, otherwise as lines."""
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison] - it was closed before Python started
        yield lambda _: None
        return
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console, printable(name)) as on_progress:
            yield on_progress
    else:
        yield Lines(name, lambda line: write_line(console.file, line))


@contextmanager
def _bar(console: Console, name: str) -> Generator[OnProgress]:
    with Bars(*columns(), console=console) as bars:
        yield one_bar(bars, name)


def columns() -> tuple[ProgressColumn, ...]:
    """Return what a bar shows."""
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[parts]}"),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[connections]}"),
    )


def one_bar(bars: Bars, name: str) -> OnProgress:
    """Add a bar, and return the function that moves it."""
    task = bars.add_task(name, total=None, parts="", connections="")
    has_begun = False

    def update(progress: Progress) -> None:
        nonlocal has_begun
        if not has_begun:  # bytes of earlier runs do not count for the speed
            bars.reset(task, total=progress.total_bytes, completed=progress.sent_bytes)
            has_begun = True
        bars.update(
            task,
            completed=progress.sent_bytes,
            parts=_parts(progress),
            connections=f"{progress.connections} connections" if progress.connections > 1 else "",
        )

    return update


class Lines:
    """Writes a line every few seconds, and one at the end."""

    def __init__(self, name: str, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._write = write
        self._clock = clock
        self._begun: tuple[float, int] | None = None
        self._written_at = 0.0

    def __call__(self, progress: Progress) -> None:
        """Write a line if the last one is old enough."""
        now = self._clock()
        if self._begun is None:
            self._begun = (now, progress.sent_bytes)
            self._written_at = now
        is_all = progress.sent_bytes == progress.total_bytes and progress.sent_parts == progress.part_count
        if not is_all and now - self._written_at < _LINE_SECONDS:
            return
        self._written_at = now
        percent = 100 * progress.sent_bytes // max(progress.total_bytes, 1)
        line = f"{self._name}: {percent} % of {decimal(progress.total_bytes)}, {_parts(progress)}"
        with suppress(OSError):  # it ends no upload
            self._write(f"{line}{self._pace(progress, now)}")

    def _pace(self, progress: Progress, now: float) -> str:
        begun_at, begun_with = self._begun or (now, 0)
        sent = progress.sent_bytes - begun_with
        if now == begun_at or sent <= 0:
            return ""
        speed = sent / (now - begun_at)
        left = progress.total_bytes - progress.sent_bytes
        return f", {decimal(int(speed))}/s" + (f", {left / speed:.0f} s left" if left else "")


def _parts(progress: Progress) -> str:
    return f"{progress.sent_parts}/{progress.part_count} parts"
