"""The built-in processor for CSV: rows, and the type and range of each column, in bounded memory for files of any size.

The text is UTF-8, or UTF-16 with a byte order mark. The first row has the names of the columns. Fields are separated by
a comma, a semicolon, a tab or a vertical bar, and may be quoted as in RFC 4180, with line breaks in them. Blank lines
are skipped.

The type of a column is that of all its values, where spaces around them do not count:

integer    digits without leading zeros and with an optional minus sign, at most 18; others are identifiers, so text
number     as JSON writes it
boolean    true or false, in any case
date       of ISO 8601: 2026-11-25, or with a time as in 2026-11-25T10:30:00Z; without a zone it is UTC
text       anything else
empty      there are no values
"""

import codecs
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers.processors import Job, Unprocessable

MAX_COLUMNS = 200
"""Described in the result; further columns are only counted."""

MAX_NAME_CHARACTERS = 200
"""Of a column's name in the result."""

MAX_ROW_CHARACTERS = 1024**2
"""A longer row is an error: it would need memory, and most often a quote that is never closed causes it."""

MAX_UNEVEN_SHARE = 0.1
"""Of the rows may have more or fewer fields than the first one."""

DELIMITERS = ",;\t|"

_HEAD_BYTES = 64 * 1024
"""Read to find the delimiter."""

_ROWS_BEFORE_CHECK = 10_000
"""From here on, a file with too many uneven rows so far fails at once, so that a large one is not read to its end."""

_BATCH_ROWS, _BATCH_CHARACTERS = 1_000, 256 * 1024
"""Read at once, to look at many values of a column in one call; a batch ends at whichever comes first."""

_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def process(job: Job) -> dict[str, Any]:
    """Return rows, uneven_rows, column_count, columns, delimiter and encoding.

    `rows` is without the first one. Each column has its name, its type and how many of its rows are `empty`; `min` and
    `max` of numbers and dates, and `min_length` and `max_length` of text.

    Raises Unprocessable for a file that is no CSV.
    """
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    with job.open() as file:
        try:
            return _summary(file, lambda rows: job.progress(file.tell() / job.size_bytes, f"{rows:,} rows read"))
        except UnicodeError:
            raise Unprocessable("The file is no CSV: it is neither UTF-8 nor UTF-16 with a byte order mark.") from None
        except csv.Error as error:
            raise Unprocessable(f"The file is no CSV: {error}.") from None


def _summary(file: io.BufferedReader, report: Callable[[int], None]) -> dict[str, Any]:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    encoding = next((name for mark, name in _ENCODINGS.items() if head.startswith(mark)), "utf-8")
    delimiter = _delimiter(codecs.getincrementaldecoder(encoding)().decode(head), is_whole=len(head) < _HEAD_BYTES)
    rows = _rows(io.TextIOWrapper(file, encoding, newline=""), delimiter)
    names = next(rows, None)
    if names is None:
        raise Unprocessable("The file is no CSV: it has no rows.")
    columns = [_Column(name[:MAX_NAME_CHARACTERS]) for name in names[:MAX_COLUMNS]]
    count, uneven = 0, 0
    for batch in _batches(rows):
        count += len(batch)
        uneven += sum(len(row) != len(names) for row in batch)
        if count >= _ROWS_BEFORE_CHECK:
            _check_widths(uneven, count, len(names))
        for index, column in enumerate(columns):
            column.add([row[index] if index < len(row) else "" for row in batch])
        report(count)
    _check_widths(uneven, count, len(names))
    return {
        "rows": count,
        "uneven_rows": uneven,
        "column_count": len(names),
        "columns": [column.summary() for column in columns],
        "delimiter": delimiter,
        "encoding": "utf-16" if encoding == "utf-16" else "utf-8",
    }


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that are not blank; raises Unprocessable for one that is too long or has a NUL character."""
    first_line, characters = 1, 0
    """Of the next row."""

    def lines() -> Iterator[str]:
        nonlocal characters
        while line := text.readline(MAX_ROW_CHARACTERS + 1):
            characters += len(line)
            if characters > MAX_ROW_CHARACTERS:
                raise Unprocessable(
                    f"The file is no CSV: the row that begins in line {first_line:,} has over {MAX_ROW_CHARACTERS:,} "
                    "characters. If a quote is not closed, close it."
                )
            if "\0" in line:
                raise Unprocessable("The file is no CSV: it has NUL characters. UTF-16 needs a byte order mark.")
            yield line

    reader = csv.reader(lines(), delimiter=delimiter)
    for row in reader:
        first_line, characters = reader.line_num + 1, 0
        if row:
            yield row


def _batches(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(map(len, row)) + len(row)
        if len(batch) == _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _check_widths(uneven: int, rows: int, width: int) -> None:
    if uneven > MAX_UNEVEN_SHARE * rows:
        raise Unprocessable(
            f"The file is no CSV: {uneven:,} of {rows:,} rows have another number of fields than the first row, "
            f"which has {width}."
        )


def _delimiter(head: str, *, is_whole: bool) -> str:
    """Return the delimiter that gives the most rows the same number of fields, of several the one with more fields."""
    best, chosen = (0.0, 1), DELIMITERS[0]
    for each in DELIMITERS:
        widths = [len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=each) if row]
        if not is_whole:
            del widths[-1:]  # the row may go on
        if widths:
            width, count = Counter(widths).most_common(1)[0]
            if width > 1 and (score := (count / len(widths), width)) > best:
                best, chosen = score, each
    return chosen


_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def _integers(texts: set[str]) -> list[int] | None:
    return list(map(int, texts)) if all(map(_INTEGER.fullmatch, texts)) else None


def _numbers(texts: set[str]) -> list[float] | None:
    numbers = list(map(float, texts)) if all(map(_NUMBER.fullmatch, texts)) else [math.inf]
    return numbers if all(map(math.isfinite, numbers)) else None


def _booleans(texts: set[str]) -> list[bool] | None:
    lower = set(map(str.lower, texts))
    return [each == "true" for each in lower] if lower <= {"true", "false"} else None


def _dates(texts: set[str]) -> list[tuple[datetime, str]] | None:
    """Return each moment with its text; a text that is the smaller one represents equal moments."""
    if not all(map(_DATE.fullmatch, texts)):
        return None
    try:
        return [(_utc(datetime.fromisoformat(text)), text) for text in texts]
    except ValueError:  # no such day or time
        return None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TYPES: dict[str, Callable[[set[str]], list[Any] | None]] = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "date": _dates,
}
"""In the order in which they are tried. Each returns comparable values, or None if a text is not of its type."""

_TEXT = "text"


class _Column:
    """What is known of a column so far; takes the same memory for any number of rows."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._candidates = (*_TYPES, _TEXT)
        """The types that all values so far may have; without values, all."""
        self._empty = 0
        self._range: tuple[Any, Any] | None = None
        self._lengths: tuple[int, int] | None = None

    def add(self, fields: Sequence[str]) -> None:
        """Take the fields of the next rows."""
        texts = [text for field in fields if (text := field.strip())]
        self._empty += len(fields) - len(texts)
        if not texts:
            return
        self._lengths = _wider(self._lengths, list(map(len, texts)))
        if self._candidates != (_TEXT,):
            self._compare(set(texts))

    def _compare(self, texts: set[str]) -> None:
        for name in self._candidates:
            if name == _TEXT:
                self._candidates = (_TEXT,)
            elif (values := _TYPES[name](texts)) is not None:
                self._candidates = ("integer", "number", _TEXT) if name == "integer" else (name, _TEXT)
                self._range = _wider(self._range, values)
                return

    def summary(self) -> dict[str, object]:
        """Return the column as the result has it."""
        kind = self._candidates[0] if self._lengths else "empty"
        known: dict[str, object] = {"name": self._name, "type": kind, "empty": self._empty}
        match kind, self._range, self._lengths:
            case "integer", (low, high), _:
                return known | {"min": low, "max": high}
            case "number", (low, high), _:
                return known | {"min": float(low), "max": float(high)}
            case "date", ((_, low), (_, high)), _:
                return known | {"min": low, "max": high}
            case "text", _, (low, high):
                return known | {"min_length": low, "max_length": high}
            case _:
                return known


def _wider(known: tuple[Any, Any] | None, values: list[Any]) -> tuple[Any, Any]:
    """Return the smallest and the largest of all values."""
    if known:
        values = [*values, *known]
    return min(values), max(values)
