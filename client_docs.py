"""Draws a terminal with the `portage` command, and writes its exit codes, for docs/client.md."""

import io
import re
from datetime import UTC, datetime

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.progress import Progress as Bars
from rich.text import Text

from client import Progress, Upload
from client.cli.exit_codes import MEANINGS
from client.cli.output import columns, one_bar, text_of

_UPLOAD_ID = "01933c6e-5f3a-7b21-9c0d-4d8f6a1b2c3d"
_MB = 1_000_000
_SIZE = 4_294 * _MB
_SECONDS = 21
_SVG = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without fonts from another site."""


def terminal_svg() -> str:
    """Return the picture: the columns and lines are the command's own, the numbers an example."""
    console = Console(
        record=True,
        width=112,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )
    _type(console, "portage put film.mp4")
    now = [0.0]
    bars = Bars(*columns(), console=console, get_time=lambda: now[0], auto_refresh=False)
    move = one_bar(bars, "film.mp4")
    for second in range(_SECONDS + 1):
        now[0] = float(second)
        move(Progress(_UPLOAD_ID, second * 128 * _MB, _SIZE, second * 8, 257, 12))
    console.print(bars.get_renderable())
    _say(console, "interrupted")
    _say(console, "Upload 01933c6e-... is not finished: `portage resume` or the same command again continues it, ...")
    _type(console, "portage resume --wait")
    console.print(Text(text_of(_upload("completed"))))
    return console.export_svg(title="portage", code_format=_SVG, unique_id="portage") + "\n"


def exit_codes_table() -> str:
    """Return the exit codes as a table."""
    rows = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def _type(console: Console, command: str) -> None:
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))


def _say(console: Console, sentence: str) -> None:
    console.print(Text(f"portage: {sentence}", style="dim"))


def _upload(status: str) -> Upload:
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    return Upload(_UPLOAD_ID, status, 4, "film.mp4", "video/mp4", moment, moment, _SIZE)
