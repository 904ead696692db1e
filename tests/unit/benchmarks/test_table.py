import io

import pytest

from benchmarks.measuring import Ratio
from benchmarks.table import COLUMNS, Goal, Row, as_markdown, at_least, at_most, console_for, for_terminal


def compared(goal: Goal | None) -> Row:
    return Row.compared(
        "signing", [1.0, 2.0, 3.0], [20.0, 40.0, 60.0], peer_name="boto3", show=lambda value: f"{value:g} us", goal=goal
    )


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (at_least(20), "met"),
        (at_least(21), "missed"),
        (at_most(0.05), "met"),
        (at_most(0.04), "missed"),
        (None, ""),
    ],
)
def test_a_ratio_meets_its_goal_or_misses_it(goal: Goal | None, verdict: str) -> None:
    assert compared(goal).verdict == verdict


def test_both_sides_are_told_by_their_medians_and_the_peer_by_its_name() -> None:
    assert compared(None).cells[:3] == ("signing", "2 us", "boto3: 40 us")


@pytest.mark.parametrize(
    ("goal", "ratio"),
    [(at_least(1), Ratio(20, 20, 20)), (at_most(1), Ratio(0.05, 0.05, 0.05)), (None, Ratio(0.05, 0.05, 0.05))],
)
def test_a_ratio_tells_how_often_we_are_faster_where_that_is_the_goal(goal: Goal | None, ratio: Ratio) -> None:
    assert compared(goal).ratio == ratio


@pytest.mark.parametrize(("amount", "verdict"), [(50, "met"), (50.1, "missed")])
def test_an_amount_is_judged_in_the_place_of_a_ratio(amount: float, verdict: str) -> None:
    row = Row("one answer", f"{amount} ms", ratio=Ratio(99, 99, 99), goal=at_most(50, " ms"), amount=amount)
    assert row.verdict == verdict
    assert row.cells[4] == "at most 50 ms"


def test_what_was_not_measured_has_neither_met_nor_missed_a_goal() -> None:
    assert Row("sending", "not measured: no nginx", goal=at_most(1)).verdict == ""


def test_a_reason_is_in_one_line_of_a_file_beside_cells_of_any_width() -> None:
    reason = "not measured: nginx is not installed; run apt-get install nginx-light"
    file = io.StringIO()
    console_for(file).print(for_terminal([Row("w" * 80, "o" * 80, "p" * 80), Row("sending", reason)]))
    assert reason in file.getvalue()


def test_markdown_has_a_line_a_row_with_as_many_cells_as_columns() -> None:
    lines = as_markdown([compared(at_least(15)), Row("a|b", "c")]).splitlines()
    assert [line.count("|") for line in lines] == [len(COLUMNS) + 1] * 4
    assert lines[0].startswith("| what | ours |")
    assert lines[2] == "| signing | 2 us | boto3: 40 us | 20x (20-20) | at least 15x | met |"
