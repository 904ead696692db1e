import re
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.upload_ids import UploadIds
from handlers.domain.upload_ref import UPLOAD_ID_PATTERN
from tests.support.each_case import each_case

MOMENTS = st.integers(0, 2**48 - 2)


def bytes_of(value: int) -> UploadIds:
    return UploadIds(lambda count: bytes([value]) * count)


class TestTheForm:
    @given(MOMENTS)
    def test_it_is_a_uuid_of_version_7_as_we_write_it(self, milliseconds: int) -> None:
        made = UploadIds().new(milliseconds)
        assert re.fullmatch(UPLOAD_ID_PATTERN, made)
        assert (UUID(made).version, UUID(made).variant) == (7, RFC_4122)

    @given(MOMENTS)
    def test_its_first_48_bits_are_the_moment(self, milliseconds: int) -> None:
        assert UUID(UploadIds().new(milliseconds)).int >> 80 == milliseconds

    @each_case(
        ("byte", "expected"),
        [
            (0x00, "00000000-0001-7000-8000-000000000000"),
            (0xFF, "00000000-0001-77ff-bfff-ffffffffffff"),
        ],
    )
    def test_all_else_is_random_but_for_the_bit_that_counting_needs(self, byte: int, expected: str) -> None:
        assert bytes_of(byte).new(1) == expected


class TestTheOrder:
    @given(st.lists(MOMENTS, max_size=20))
    def test_each_sorts_behind_the_one_before_even_where_the_clock_goes_back(self, moments: list[int]) -> None:
        ids = UploadIds()
        made = [ids.new(moment) for moment in moments]
        assert made == sorted(set(made))

    def test_many_of_one_millisecond_keep_its_moment(self) -> None:
        ids = bytes_of(0xFF)
        made = [UUID(ids.new(7)).int >> 80 for _ in range(1_000)]
        assert set(made) == {7}

    def test_two_processes_do_not_make_the_same(self) -> None:
        assert UploadIds().new(1) != UploadIds().new(1)
