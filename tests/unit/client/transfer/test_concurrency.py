from collections.abc import Callable

import pytest

from client.transfer.config import Concurrency

MEGA = 1_000_000


class Line:
    """A line that gives each number of connections its throughput, and a clock."""

    def __init__(self, concurrency: Concurrency, rate: Callable[[int], float]) -> None:
        self.concurrency = concurrency
        self.rate = rate
        self.now = 0.0
        self.sent = 0.0
        self.limits: list[int] = []
        concurrency.observe(0, 0)

    def run(self, windows: int) -> list[int]:
        for _ in range(windows * 10):
            self.now += 0.1
            self.sent += 0.1 * self.rate(self.concurrency.limit)
            self.concurrency.observe(self.now, int(self.sent))
            self.limits.append(self.concurrency.limit)
        return self.limits


def concurrency(first: int = 4) -> Concurrency:
    return Concurrency(first, 16, window_seconds=0.95)


def test_it_begins_with_four_and_never_has_more_than_sixteen() -> None:
    line = Line(Concurrency(), lambda limit: limit * MEGA)
    assert line.concurrency.limit == 4
    assert max(line.run(50)) == 16


def test_it_climbs_while_each_step_brings_more() -> None:
    line = Line(concurrency(), lambda limit: limit * MEGA)
    line.run(5)
    assert line.concurrency.limit == 16


@pytest.mark.parametrize("enough", [1, 4, 6, 9])
def test_it_stays_where_more_brings_nothing(enough: int) -> None:
    line = Line(concurrency(), lambda limit: min(limit, enough) * MEGA)
    line.run(200)
    settled = max(4, enough)
    assert line.limits.count(settled) > len(line.limits) * 0.8


def test_it_tries_again_what_brought_nothing_and_finds_a_line_that_became_wider() -> None:
    wide = False
    line = Line(concurrency(), lambda limit: limit * MEGA if wide else 4 * MEGA)
    line.run(10)
    wide = True
    line.run(40)
    assert line.concurrency.limit == 16


def test_it_halves_after_a_fault_and_climbs_again() -> None:
    line = Line(concurrency(first=16), lambda limit: limit * MEGA)
    line.concurrency.record_error()
    assert line.concurrency.limit == 8
    line.run(3)
    assert line.concurrency.limit == 8, "it waits before it climbs"
    line.run(10)
    assert line.concurrency.limit == 16


def test_faults_at_the_same_time_count_once() -> None:
    line = Line(concurrency(first=16), lambda limit: limit * MEGA)
    for _ in range(16):
        line.concurrency.record_error()
    assert line.concurrency.limit == 8


def test_one_connection_is_always_left() -> None:
    line = Line(concurrency(), lambda limit: limit * MEGA)
    for _ in range(10):
        line.concurrency.record_error()
        line.run(1)
    assert line.concurrency.limit == 1


def test_never_more_begin_than_may_be_used() -> None:
    assert Concurrency(4, 2).limit == 2
