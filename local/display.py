"""Shows the progress of steps: a live table in a terminal, otherwise plain lines."""

import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from local.interruption import check_stopped

_MEGA = 1_000_000
_FRAMES_PER_SECOND = 15
_BAR_COLUMNS = 20
_WIDEST_COLUMNS = 100
_ECHO_COLUMNS = 4  # for the terminal's echo of "^C", which would otherwise wrap the last line
_STATE_STYLES = {"waiting": "dim", "running": "bold", "done": "", "failed": "bold red"}


@dataclass
class Step:
    """The state of one step: the step's function writes it, and a display reads it at any time."""

    title: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    outcome: str = ""
    """The result so far."""
    notes: list[str] = field(default_factory=list[str])
    """Lines under the step."""
    bytes_done: int = 0
    bytes_total: int = 0
    """0 where no bytes are counted."""
    started: float = 0.0
    seconds: float = 0.0
    """How long it took; 0 until it has ended."""


class Display(Protocol):
    """Shows steps. Each step runs once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show the step as running while the body runs, and as failed if it raises."""
        ...


def open_display(titles: Sequence[str]) -> Display:
    """Return a live display if standard output is a terminal, otherwise a plain one."""
    console = Console(highlight=False)
    if sys.stdout.isatty() and not console.is_dumb_terminal:
        return LiveDisplay(titles, console)
    return PlainDisplay(titles)


def print_facts(headline: str, facts: Mapping[str, str]) -> None:
    """Print names and values in two columns; values are not wrapped, so that they can be copied."""
    console = Console(highlight=False)
    width = max(map(len, facts)) + 2
    console.print(f"\n{headline}", style="bold", markup=False)
    for name, value in facts.items():
        console.print(Text.assemble(f"  {name:<{width}}", (value, "cyan")), soft_wrap=True)


def print_text(headline: str, text: str = "") -> None:
    """Print a text without wrapping, so that it can be copied."""
    console = Console(highlight=False)
    console.print(f"\n{headline}", style="bold", markup=False, soft_wrap=True)
    if text:
        console.print(text, style="cyan", markup=False, soft_wrap=True)


@contextmanager
def _running(step: Step) -> Generator[Step]:
    check_stopped()
    step.state = "running"
    step.started = time.monotonic()
    try:
        yield step
        check_stopped()
    except BaseException:
        step.state = "failed"
        raise
    else:
        step.state = "done"
    finally:
        step.seconds = time.monotonic() - step.started


class PlainDisplay:
    """Prints a line when a step begins, and its outcome when it ends."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._steps = {title: Step(title) for title in titles}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Print the title at once, so that a log shows what hangs."""
        _print_line(title)
        step = self._steps[title]
        try:
            with _running(step):
                yield step
        finally:
            for note in step.notes:
                _print_line(f"    {note}")
            end = "FAILED" if step.state == "failed" else step.state
            said = f": {step.outcome}" if step.outcome else ""
            _print_line(f"    {end}{said} ({step.seconds:.1f} s)")


def _print_line(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is where the demo is shown


class LiveDisplay:
    """Redraws a table of all steps, also of those that wait."""

    def __init__(self, titles: Sequence[str], console: Console) -> None:
        self._steps = {title: Step(title) for title in titles}
        self._console = console
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            console=console,
            get_renderable=self._table,
            refresh_per_second=_FRAMES_PER_SECOND,
        )

    def __enter__(self) -> Self:
        self._console.print()
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show the step in the next frames."""
        return _running(self._steps[title])

    def refresh(self) -> None:
        """Draw a frame now."""
        self._live.refresh()

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.width = min(self._console.width - _ECHO_COLUMNS, _WIDEST_COLUMNS)
        table.add_column(width=2, justify="right")
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for step in self._steps.values():
            style = _STATE_STYLES[step.state]
            seconds = Text(_seconds(step), style="dim")
            table.add_row(self._mark(step), Text(step.title, style=style), _outcome(step), seconds)
            for note in step.notes:
                table.add_row("", "", Text(note), "")
        return table

    def _mark(self, step: Step) -> RenderableType:
        if step.state == "running":
            return self._spinner
        marks = {"waiting": Text("·", "dim"), "done": Text("✓", "bold green"), "failed": Text("✗", "bold red")}
        return marks[step.state]


def _seconds(step: Step) -> str:
    if step.state == "waiting":
        return ""
    return f"{step.seconds or time.monotonic() - step.started:.1f} s"


def _outcome(step: Step) -> RenderableType:
    if not step.bytes_total:
        return Text(step.outcome)
    sent = f"{step.bytes_done / _MEGA:.1f} of {step.bytes_total / _MEGA:.1f} MB"
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=step.bytes_total, completed=step.bytes_done, width=_BAR_COLUMNS),
        Text(step.outcome or sent),
    )
    return bar
