"""The output of the `portage` command: text or one JSON object a line, and progress on standard error.

An error of standard output ends no transfer: `failure` has it, and later lines are dropped.
"""

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TextIO, cast

from msgspec import Struct, structs
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

from ..api.models import Upload
from ..errors import PortageError, reason
from ..transfer.config import OnProgress, Progress

_LINE_SECONDS = 5.0


class Output:
    """Writes results to standard output. Writes errors to standard error, or with JSON to standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.failure: OSError | None = None
        """The first error of standard output."""
        self._retried: set[str] = set()

    def upload(self, upload: Upload, path: str | None = None) -> None:
        """Write the state of an upload. `path` identifies one of several files."""
        if self.as_json:
            known = {name: value for name, value in _plain_fields(upload).items() if value is not None}
            self._write_json(({"path": path} if path is not None else {}) | known)
            return
        self._write(text_of(upload))

    def file(self, path: Path) -> None:
        """Write the path of a downloaded result."""
        self.fact(str(path), {"path": str(path)})

    def fact(self, sentence: str, fields: Mapping[str, object]) -> None:
        """Write a sentence, or with JSON its fields."""
        if self.as_json:
            self._write_json(fields)
        else:
            self._write(sentence)

    def summary(self, sentence: str, fields: Mapping[str, object]) -> None:
        """Write the result of several files: as a message, or with JSON as one more object."""
        if self.as_json:
            self._write_json({"summary": fields})
        else:
            self.note(sentence)

    def error(self, error: PortageError | OSError, path: str | None = None) -> None:
        """Write an error and its notes."""
        sentences = [_sentence(error), *getattr(error, "__notes__", [])]
        if self.as_json:
            described = {"kind": type(error).__name__, "message": " ".join(sentences)}
            self._write_json(({"path": path} if path is not None else {}) | {"error": described})
            return
        for sentence in sentences:
            is_named = path is None or os.path.realpath(path) in sentence
            self.note(sentence if is_named else f"{path}: {sentence}")

    def note(self, sentence: str) -> None:
        """Write a message to standard error, if there is one."""
        with suppress(OSError):
            write_line(standard("stderr"), f"portage: {sentence}")

    def retried(self, error: PortageError) -> None:
        """Say once that an error is retried, so that nobody takes the wait for a hang."""
        sentence = f"{error}: trying again"
        if sentence not in self._retried:
            self._retried.add(sentence)
            self.note(sentence)

    def give_up(self, error: OSError) -> None:
        """Write nothing more to standard output. Python must not try it again when it exits."""
        self.failure = error
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _write_json(self, fields: Mapping[str, object]) -> None:
        self._write(json.dumps(fields, default=_plain))

    def _write(self, line: str) -> None:
        if self.failure is None:
            try:
                write_line(standard("stdout"), line)
            except OSError as error:
                self.give_up(error)


def text_of(upload: Upload) -> str:
    """Return the state of an upload as a line of text."""
    words = (
        upload.upload_id,
        f"{upload.status:<10}",
        f"{'unknown' if upload.size_bytes is None else decimal(upload.size_bytes):>9}",
        time_text(upload.created_at),
        upload.file_name,
    )
    return ": ".join(("  ".join(words), *_more(upload)))


def printable(text: str) -> str:
    """Return the text with control characters escaped: a file name must not move the cursor or change colours."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def write_line(stream: IO[str], line: str) -> None:
    """Write a line. Escapes the characters that the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(printable(line).encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


_NAMES = {"stdin": "standard input", "stdout": "standard output", "stderr": "standard error"}


def standard(name: str) -> TextIO:
    """Return sys.stdin, stdout or stderr. Raises OSError if it was closed before Python started (it is None then)."""
    stream = cast("TextIO | None", getattr(sys, name))
    if stream is None:
        raise OSError(errno.EBADF, f"{_NAMES[name]} is closed")
    return stream


def _more(upload: Upload) -> list[str]:
    """Return why the upload ended without a result, or how far processing is."""
    if reason := upload.failure or upload.rejection:
        return [f"{reason.code}, {reason.detail}"]
    if upload.progress_percent is None:
        return []
    return [f"{upload.progress_percent} %" + (f", {upload.progress_note}" if upload.progress_note else "")]


def _sentence(error: PortageError | OSError) -> str:
    file = error.filename if isinstance(error, OSError) else None
    return reason(error) if file is None else f"{reason(error)}: {file}"


def time_text(moment: datetime) -> str:
    """Return a time in UTC as text."""
    with suppress(OverflowError):  # in UTC it is before the year 1, or after 9999
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}{'Z' if moment.tzinfo is UTC else moment.strftime('%z')}"


def _plain_fields(value: Struct) -> dict[str, object]:
    fields = structs.asdict(value)
    return {name: _plain_fields(each) if isinstance(each, Struct) else each for name, each in fields.items()}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be written as JSON")


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
            bars.reset(task, completed=progress.sent_bytes)
            has_begun = True
        bars.update(
            task,
            total=progress.total_bytes,
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
        total = progress.total_bytes
        is_all = progress.sent_bytes == total and progress.sent_parts == progress.part_count
        if not is_all and now - self._written_at < _LINE_SECONDS:
            return
        self._written_at = now
        share = decimal(progress.sent_bytes)
        if total is not None:
            share = f"{100 * progress.sent_bytes // max(total, 1)} % of {decimal(total)}"
        line = f"{self._name}: {share}, {_parts(progress)}"
        with suppress(OSError):  # it ends no upload
            self._write(f"{line}{self._pace(progress, now)}")

    def _pace(self, progress: Progress, now: float) -> str:
        begun_at, begun_with = self._begun or (now, 0)
        sent = progress.sent_bytes - begun_with
        if now == begun_at or sent <= 0:
            return ""
        speed = sent / (now - begun_at)
        left = (progress.total_bytes or progress.sent_bytes) - progress.sent_bytes
        return f", {decimal(int(speed))}/s" + (f", {left / speed:.0f} s left" if left else "")


def _parts(progress: Progress) -> str:
    count = "" if progress.part_count is None else f"/{progress.part_count}"
    return f"{progress.sent_parts}{count} parts"
