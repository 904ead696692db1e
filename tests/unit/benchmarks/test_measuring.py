from collections.abc import Callable

import pytest

from benchmarks.measuring import Ratio, interleaved, measurements


def counter(log: list[str], name: str) -> Callable[[], int]:
    def count() -> int:
        log.append(name)
        return len(log)

    return count


def test_each_measure_is_taken_once_a_round_in_turn() -> None:
    log: list[str] = []
    interleaved({name: counter(log, name) for name in "ab"}, rounds=2, tick=lambda: None)
    assert log == ["a", "b"] * 3


def test_the_first_round_only_fills_caches() -> None:
    log: list[str] = []
    taken = interleaved({name: counter(log, name) for name in "ab"}, rounds=2, tick=lambda: None)
    assert taken == {"a": [3, 5], "b": [4, 6]}


def test_each_measurement_is_told_and_there_are_as_many_as_were_announced() -> None:
    ticks: list[None] = []
    measures = {name: counter([], name) for name in "abc"}
    interleaved(measures, rounds=4, tick=lambda: ticks.append(None))
    assert len(ticks) == measurements(measures, rounds=4)


def test_a_ratio_is_that_of_the_medians_and_spreads_over_the_rounds() -> None:
    ratio = Ratio.of([10, 30, 100], [10, 10, 20])
    assert (ratio.value, ratio.least, ratio.most) == (3, 1, 5)


def test_measures_of_different_rounds_make_no_ratio() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        Ratio.of([1, 2], [1])


@pytest.mark.parametrize(
    ("ratio", "text"), [(Ratio(0.456, 0.4, 9.994), "0.46x (0.40-9.99)"), (Ratio(104.4, 10, 200), "104x (10-200)")]
)
def test_ratios_are_told_to_the_digits_that_mean_something(ratio: Ratio, text: str) -> None:
    assert str(ratio) == text
