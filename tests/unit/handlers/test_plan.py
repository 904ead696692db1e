from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.plan import MAX_OBJECT_BYTES, Method, Parts, choose_method
from tests.support.each_case import each_case
from tests.support.handlers.part_lengths import length_of

MIB = 1024**2
GIB = 1024**3
S3_MAX_PARTS = 10_000
S3_LEAST_PART = 5 * MIB
S3_MOST_PART = 5 * GIB

# One near each power of two too: drawn evenly, nearly every size would be of many TiB.
sizes = st.integers(1, MAX_OBJECT_BYTES) | st.integers(0, 45).flatmap(
    lambda power: st.integers(-2, 2).map(lambda by: min(max(1, 2**power + by), MAX_OBJECT_BYTES))
)
divisions = sizes.map(Parts.of)


class TestDivision:
    @given(divisions)
    def test_any_size_fits_the_number_of_parts(self, parts: Parts) -> None:
        assert 1 <= parts.count <= S3_MAX_PARTS

    @given(divisions)
    def test_every_part_but_the_last_is_of_a_size_that_s3_takes(self, parts: Parts) -> None:
        assert S3_LEAST_PART <= parts.part_size_bytes <= S3_MOST_PART
        assert 1 <= length_of(parts, parts.count) <= parts.part_size_bytes

    @given(divisions)
    def test_the_lengths_add_up(self, parts: Parts) -> None:
        assert sum(len(numbers) * length for numbers, length in parts.runs()) == parts.size_bytes
        assert {length_of(parts, number) for number in range(1, parts.count)} <= {parts.part_size_bytes}

    @given(divisions)
    def test_each_part_is_in_one_run(self, parts: Parts) -> None:
        numbers = [number for run, _ in parts.runs() for number in run]
        assert numbers == list(range(1, parts.count + 1))

    @each_case(
        ("size_bytes", "part_size_bytes", "count"),
        [
            (1, 16 * MIB, 1),
            (16 * MIB, 16 * MIB, 1),
            (16 * MIB + 1, 16 * MIB, 2),
            (160_000 * MIB, 16 * MIB, 10_000),
            (160_000 * MIB + 1, 17 * MIB, 9_412),
            (5 * 1024 * GIB, 525 * MIB, 9_987),
            (50_000 * GIB, 5 * GIB, 10_000),
        ],
    )
    def test_parts_grow_only_as_far_as_they_must(self, size_bytes: int, part_size_bytes: int, count: int) -> None:
        parts = Parts.of(size_bytes)
        assert (parts.part_size_bytes, parts.count) == (part_size_bytes, count)

    @each_case("size_bytes", [-1, 0, 50_000 * GIB + 1])
    def test_a_size_beyond_the_limits_is_refused(self, size_bytes: int) -> None:
        with pytest.raises(ValueError, match=f"size_bytes is {size_bytes}, but must be from 1 to 53687091200000"):
            Parts.of(size_bytes)


limits = sizes.map(Parts.growing)


class TestUnknownSize:
    """The parts of the largest object. Any smaller one ends within one of them."""

    @given(limits, st.floats(0, 1))
    def test_any_size_up_to_the_limit_fits(self, longest: Parts, share: float) -> None:
        size_bytes = max(1, int(longest.size_bytes * share))
        parts = longest._replace(size_bytes=size_bytes)
        assert 1 <= parts.count <= longest.count <= S3_MAX_PARTS
        runs = list(parts.runs())
        assert sum(len(numbers) * length for numbers, length in runs) == size_bytes
        assert [number for numbers, _ in runs for number in numbers] == list(range(1, parts.count + 1))

    @given(limits)
    def test_every_part_but_the_last_is_of_the_published_size(self, longest: Parts) -> None:
        sizes = longest.sizes
        assert all(S3_LEAST_PART <= each.size_bytes <= S3_MOST_PART for each in sizes)
        assert sizes[0].first_part == 1
        for number in {1, longest.count // 2 + 1, *(each.first_part for each in sizes[1:])} - {longest.count}:
            planned = [each.size_bytes for each in sizes if each.first_part <= number]
            assert length_of(longest, number) == planned[-1]
        assert length_of(longest, longest.count) <= sizes[-1].size_bytes

    @each_case(
        ("limit", "published"),
        [
            (1, [(1, 16 * MIB)]),
            (100 * GIB, [(1, 16 * MIB)]),
            (160_000 * MIB, [(1, 16 * MIB)]),
            (160_000 * MIB + 1, [(step * 1_000 + 1, (16 + step) * MIB) for step in range(9)]),
            (5 * 1024 * GIB, [(step * 1_000 + 1, (16 + 113 * step) * MIB) for step in range(10)]),
            (25_675_000 * MIB, [(step * 1_000 + 1, (16 + 567 * step) * MIB) for step in range(10)]),
            (25_675_000 * MIB + 1, [(1, 2_568 * MIB)]),
            (50_000 * GIB, [(1, 5 * GIB)]),
        ],
    )
    def test_parts_grow_only_as_far_as_the_limit_needs(self, limit: int, published: list[tuple[int, int]]) -> None:
        assert Parts.growing(limit).sizes == published


class TestMissing:
    @given(
        st.integers(1, 60).flatmap(
            lambda count: st.tuples(
                st.just(Parts((count - 1) * 10 + 3, 10)),
                st.dictionaries(st.integers(-1, count + 2), st.sampled_from([0, 3, 9, 10, 11])),
            )
        )
    )
    def test_exactly_the_parts_that_are_not_there_in_their_length_are_named(
        self, division_and_lengths: tuple[Parts, dict[int, int]]
    ) -> None:
        parts, lengths = division_and_lengths
        ranges = parts.missing(lengths)
        named = [number for first, last in ranges for number in range(first, last + 1)]
        assert named == [n for n in range(1, parts.count + 1) if lengths.get(n) != length_of(parts, n)]
        ends = [end for pair in ranges for end in pair]
        assert ends == sorted(ends)
        assert all(after - before > 1 for (_, before), (after, _) in pairwise(ranges))

    @given(divisions)
    def test_nothing_there_is_one_range_and_all_there_is_none(self, parts: Parts) -> None:
        assert parts.missing({}) == [(1, parts.count)]
        assert parts.missing({number: length_of(parts, number) for number in range(1, parts.count + 1)}) == []

    def test_a_last_part_of_full_length_is_missing(self) -> None:
        assert Parts(23, 10).missing({1: 10, 2: 10, 3: 10}) == [(3, 3)]

    def test_parts_beyond_the_plan_do_not_matter(self) -> None:
        assert Parts(23, 10).missing({1: 10, 3: 3, 4: 10}) == [(2, 2)]


class TestMethod:
    @each_case(
        ("size_bytes", "threshold", "method"),
        [
            (1, 64 * MIB, Method.PUT),
            (64 * MIB, 64 * MIB, Method.PUT),
            (64 * MIB + 1, 64 * MIB, Method.MULTIPART),
            (1, 0, Method.MULTIPART),
            (5 * GIB, 100 * GIB, Method.PUT),
            (5 * GIB + 1, 100 * GIB, Method.MULTIPART),
        ],
    )
    def test_one_put_up_to_the_threshold_and_to_what_s3_takes_in_one(
        self, size_bytes: int, threshold: int, method: Method
    ) -> None:
        assert choose_method(size_bytes, multipart_threshold_bytes=threshold) is method

    @given(sizes, st.integers(0, 2 * MAX_OBJECT_BYTES))
    def test_the_chosen_one_can_carry_any_size(self, size_bytes: int, threshold: int) -> None:
        assert size_bytes <= choose_method(size_bytes, multipart_threshold_bytes=threshold).max_size_bytes

    def test_each_has_its_limit(self) -> None:
        assert {method.value: method.max_size_bytes for method in Method} == {
            "put": 5 * GIB,
            "post": 5 * GIB,
            "multipart": 50_000 * GIB,
        }
