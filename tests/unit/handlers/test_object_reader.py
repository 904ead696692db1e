import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.storage.object_reader import FIRST_BLOCK_BYTES, MAX_BLOCK_BYTES, open_object
from tests.support.each_case import each_case
from tests.support.handlers.ranges import MIB, of, repeated

BODY = bytes(n * 7 % 251 for n in range(3 * FIRST_BLOCK_BYTES + 11))


def take(file: io.BufferedIOBase, step: str, number: int) -> object:
    match step:
        case "read":
            return file.read(number)
        case "seek":
            return file.seek(number)
        case "seek from the end":
            return file.seek(-min(number, len(BODY)), io.SEEK_END)
        case _:
            return file.tell()


STEPS = st.tuples(st.sampled_from(["read", "seek", "seek from the end", "tell"]), st.integers(0, len(BODY) + 10))


class TestContent:
    @given(st.lists(STEPS, max_size=12))
    def test_it_reads_as_a_file_in_memory_does(self, steps: list[tuple[str, int]]) -> None:
        expected, file = io.BytesIO(BODY), of(BODY).open()

        assert [take(file, *step) for step in steps] == [take(expected, *step) for step in steps]

    def test_a_zip_file_is_read_from_it(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("first.bin", BODY)
            archive.writestr("last.txt", "the end")

        with of(packed.getvalue()).open() as file, zipfile.ZipFile(file) as archive:
            assert archive.read("last.txt") == b"the end"
            assert archive.read("first.bin") == BODY

    def test_text_is_read_from_it_line_by_line(self) -> None:
        assert list(io.TextIOWrapper(of("é\nb\n".encode()).open(), "utf-8")) == ["é\n", "b\n"]

    @each_case("position", [(-1, io.SEEK_SET), (-6, io.SEEK_END), (-1, io.SEEK_CUR), (0, 9)])
    def test_a_position_before_the_start_is_an_error(self, position: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match="must"):
            of(b"12345").open().raw.seek(*position)

    def test_a_range_that_ends_early_is_an_error(self) -> None:
        file = open_object(lambda _first, _last: iter([b"123"]), 5)
        with pytest.raises(EOFError):
            file.read(5)


class TestRequests:
    def test_opening_and_seeking_send_none(self) -> None:
        ranges = of(BODY)
        with ranges.open() as file:
            file.seek(-10, io.SEEK_END)
        assert ranges.lengths == []

    def test_they_double_while_the_file_is_read_on(self) -> None:
        ranges = repeated(b"0", 64 * MIB)
        with ranges.open() as file:
            while file.read(100_000):
                pass
        assert ranges.lengths[:4] == [FIRST_BLOCK_BYTES << n for n in range(4)]
        assert max(ranges.lengths) == MAX_BLOCK_BYTES
        assert sum(ranges.lengths) == 64 * MIB

    def test_a_seek_begins_with_a_small_one_again(self) -> None:
        ranges = repeated(b"0", 64 * MIB)
        with ranges.open() as file:
            for position in (32 * MIB, 0, 48 * MIB):
                file.seek(position)
                file.read(10)
        assert ranges.lengths == [FIRST_BLOCK_BYTES] * 3


def test_a_file_of_a_gibibyte_needs_at_most_12_mebibytes() -> None:
    ranges = repeated(b"0", 1024 * MIB)
    tracemalloc.start()
    try:
        with ranges.open() as file:
            while file.read(MIB):
                pass
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(ranges.lengths) == 1024 * MIB
    assert peak < 12 * MIB
