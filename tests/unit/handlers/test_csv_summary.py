import csv
import io
import json
import math
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.processors import Unprocessable, csv_summary
from handlers.processors.csv_summary import DELIMITERS, MAX_COLUMNS, MAX_NAME_CHARACTERS, MAX_ROW_CHARACTERS, process
from tests.support.each_case import each_case
from tests.support.handlers.jobs import job_of
from tests.support.handlers.ranges import MIB, Ranges, repeated

Row = Sequence[str]


def summary(content: str | bytes, encoding: str = "utf-8") -> dict[str, Any]:
    body = content.encode(encoding) if isinstance(content, str) else content
    return process(job_of(body, "a.csv", "text/csv"))


def column_of(*values: str) -> dict[str, Any]:
    """Summarize one column of these values, beside another one, so that no line is blank."""
    text = io.StringIO()
    csv.writer(text).writerows([("of", "beside"), *((value, "x") for value in values)])
    (found, _beside) = summary(text.getvalue())["columns"]
    assert found.pop("name") == "of"
    return found


class TestTypes:
    @each_case(
        ("values", "expected"),
        [
            (["1", "-20", "0", " 7 "], {"type": "integer", "empty": 0, "min": -20, "max": 7}),
            (["1", "2.5", "-1e2"], {"type": "number", "empty": 0, "min": -100.0, "max": 2.5}),
            (["true", "FALSE"], {"type": "boolean", "empty": 0}),
            (["2026-11-25", "0001-01-01"], {"type": "date", "empty": 0, "min": "0001-01-01", "max": "2026-11-25"}),
            (
                ["2026-11-25T10:00:00+02:00", "2026-11-25T09:00:00Z", "2026-11-25 08:30"],
                {
                    "type": "date",
                    "empty": 0,
                    "min": "2026-11-25T10:00:00+02:00",
                    "max": "2026-11-25T09:00:00Z",
                },
            ),
            (["a", "", "bcd"], {"type": "text", "empty": 1, "min_length": 1, "max_length": 3}),
            (["", " "], {"type": "empty", "empty": 2}),
            ([], {"type": "empty", "empty": 0}),
        ],
    )
    def test_a_column_has_the_type_of_all_its_values(self, values: list[str], expected: dict[str, object]) -> None:
        assert column_of(*values) == expected

    @each_case("value", ["007", "+1", "1_000", "1,5", "\u0661", "1e", ".5", "nan", "1e999", "2026-02-30", "yes"])
    def test_what_only_resembles_another_type_is_text(self, value: str) -> None:
        assert column_of(value)["type"] == "text"

    @each_case("other", ["2.5", "2026-01-01", "true", "x"])
    def test_a_later_value_of_another_type_changes_it(self, other: str) -> None:
        values = ["1"] * 2_000
        assert column_of(*values, other)["type"] == ("number" if other == "2.5" else "text")


class TestAsTheReferenceSays:
    """Any table, in any of the encodings and delimiters, and with batches of two rows."""

    CELLS = st.sampled_from(
        [
            st.integers(-(10**20), 10**20).map(str),
            st.floats().map(repr),
            st.booleans().map(str),
            st.dates().map(date.isoformat),
            st.text("abé€ \n\r\"'01-.eE+", max_size=6),
        ]
    )

    @given(st.data(), st.sampled_from(DELIMITERS), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    def test_rows_columns_types_and_ranges(self, data: st.DataObject, delimiter: str, encoding: str) -> None:
        cells = data.draw(st.lists(self.CELLS, min_size=1, max_size=4))
        names = data.draw(st.tuples(*[st.text('ab\n" ,;', min_size=1, max_size=4)] * len(cells)))
        names = tuple(name.translate(dict.fromkeys(map(ord, DELIMITERS), delimiter)) for name in names)
        rows = data.draw(st.lists(st.tuples(*(st.one_of(st.just(""), cell) for cell in cells)), max_size=7))
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows([names, *rows])

        with patch.object(csv_summary, "_BATCH_ROWS", 2):
            found = summary(text.getvalue(), encoding)

        assert found["rows"] == len(rows)
        assert found["uneven_rows"] == 0
        assert found["columns"] == [
            {"name": name, **reference([row[index] for row in rows])} for index, name in enumerate(names)
        ]


def reference(values: Row) -> dict[str, object]:
    """Describe a column as simply as possible; json and datetime decide what a number and a date is."""
    texts = [text for value in values if (text := value.strip())]
    found: dict[str, object] = {"empty": len(values) - len(texts)}
    numbers = [number_in(text) for text in texts]
    if not texts:
        return {"type": "empty", **found}
    if all(isinstance(number, int) for number in numbers):
        return {"type": "integer", **found, **extremes(numbers)}
    if None not in numbers:
        return {"type": "number", **found, **extremes([float(number) for number in numbers if number is not None])}
    if {text.lower() for text in texts} <= {"true", "false"}:
        return {"type": "boolean", **found}
    if all(map(is_date, texts)):
        return {"type": "date", **found, **extremes(texts)}
    return {"type": "text", **found, "min_length": min(map(len, texts)), "max_length": max(map(len, texts))}


def number_in(text: str) -> float | int | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if isinstance(value, int) and abs(value) >= 10**18 else value


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def extremes(values: Iterable[Any]) -> dict[str, object]:
    return {"min": min(values), "max": max(values)}


class TestShape:
    def test_the_whole_result(self) -> None:
        assert summary('id;name\r\n1;Zoe\r\n\r\n2;"a\nb"\r\n') == {
            "rows": 2,
            "uneven_rows": 0,
            "column_count": 2,
            "columns": [
                {"name": "id", "type": "integer", "empty": 0, "min": 1, "max": 2},
                {"name": "name", "type": "text", "empty": 0, "min_length": 3, "max_length": 3},
            ],
            "delimiter": ";",
            "encoding": "utf-8",
        }

    @each_case("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_the_encoding_is_that_of_the_byte_order_mark(self, encoding: str) -> None:
        found = summary("naïve,b\n1,2\n", encoding)
        assert (found["encoding"], found["columns"][0]["name"]) == (encoding.removesuffix("-sig"), "naïve")

    def test_big_endian_utf_16_is_read_too(self) -> None:
        assert summary("\ufeffa,b\n1,2\n", "utf-16-be")["columns"][0]["name"] == "a"

    def test_the_delimiter_is_the_one_that_gives_even_rows(self) -> None:
        assert summary("price;note\n1,5;a\n2,5;b,c\n")["delimiter"] == ";"

    def test_the_delimiter_is_found_in_a_long_file(self) -> None:
        assert summary("a|b\n" + "1|x\n" * 100_000)["rows"] == 100_000

    def test_one_column_needs_no_delimiter(self) -> None:
        assert summary("name\nZoe\n")["column_count"] == 1

    def test_missing_fields_are_empty_and_their_rows_are_counted(self) -> None:
        found = summary("a,b\n" + "1,2\n" * 9 + "3\n")
        assert (found["rows"], found["uneven_rows"], found["columns"][1]["empty"]) == (10, 1, 1)

    def test_columns_above_the_limit_are_only_counted(self) -> None:
        width = MAX_COLUMNS + 1
        found = summary(",".join(["n" * (MAX_NAME_CHARACTERS + 1)] * width) + "\n" + ",".join(["1"] * width) + "\n")
        assert (found["column_count"], len(found["columns"])) == (width, MAX_COLUMNS)
        assert found["columns"][0]["name"] == "n" * MAX_NAME_CHARACTERS


NO_CSV = {
    "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "latin-1": "naïve,b\n1,2\n".encode("latin-1"),
    "utf-16 without its mark": "a,b\n1,2\n".encode("utf-16-le"),
    "utf-16 that ends within a character": "a,b\n1,2\n".encode("utf-16")[:-1],
    "an invalid character after the head": b"a,b\n" + b"1,2\n" * 50_000 + b"\xff,2\n",
    "a NUL character after the head": b"a,b\n" + b"1,2\n" * 50_000 + b"\0,2\n",
    "blank lines": b"\n\r\n\n",
    "a mark alone": "\ufeff".encode(),
    "prose": b"To be, or not to be,\nthat is the question:\nWhether 'tis nobler, in the mind, to suffer\n",
    "rows of different widths": b"a,b\n" + b"1,2\n" * 8 + b"3\n",
}


class TestNoCsv:
    @each_case("kind", NO_CSV)
    def test_a_sentence_for_the_uploader_says_so(self, kind: str) -> None:
        with pytest.raises(Unprocessable, match=r"^The file is no CSV: "):
            summary(NO_CSV[kind])

    def test_many_uneven_rows_end_a_large_file_early(self) -> None:
        ranges = repeated(b"1,2\n3\n", 1024 * MIB)
        refused(ranges)
        assert sum(ranges.lengths) < 2 * MIB


def refused(ranges: Ranges) -> str:
    job = replace(job_of(b"", "a.csv", "text/csv"), size_bytes=ranges.size_bytes, open=ranges.open)
    with pytest.raises(Unprocessable, match=r"^The file is no CSV: ") as caught:
        process(job)
    return str(caught.value)


class TestMemory:
    @pytest.fixture(autouse=True)
    def traced(self) -> Iterator[None]:
        tracemalloc.start()
        yield
        tracemalloc.stop()

    def test_a_large_file_needs_that_of_a_batch(self) -> None:
        line = b",".join([b"x" * 300] * 3) + b"\n"
        ranges = repeated(line, len(line) * 60_000)
        job = replace(job_of(b"", "a.csv", "text/csv"), size_bytes=ranges.size_bytes, open=ranges.open)

        assert process(job)["rows"] == 59_999
        _now, peak = tracemalloc.get_traced_memory()
        assert peak < 24 * MIB

    @each_case("endless", [b"x", b'"a\n"', b"xy,"])
    def test_a_row_of_a_gibibyte_is_refused_after_its_limit(self, endless: bytes) -> None:
        ranges = repeated(endless, 1024 * MIB)
        assert f"line 1 has over {MAX_ROW_CHARACTERS:,} characters" in refused(ranges)
        _now, peak = tracemalloc.get_traced_memory()
        assert peak < 64 * MIB
        assert sum(ranges.lengths) < 4 * MIB
