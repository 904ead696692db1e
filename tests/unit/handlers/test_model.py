from handlers.domain.errors import PartsMissing
from handlers.domain.upload import PREDECESSORS, TERMINAL, Status
from tests.support.each_case import each_case


class TestStates:
    @each_case(
        ("state", "reached_from"),
        [
            (Status.PENDING, set[Status]()),
            (Status.UPLOADED, {Status.PENDING}),
            (Status.PROCESSING, {Status.UPLOADED}),
            (Status.COMPLETED, {Status.PROCESSING}),
            (Status.FAILED, {Status.PENDING, Status.UPLOADED, Status.PROCESSING}),
            (Status.REJECTED, {Status.PROCESSING}),
            (Status.ABORTED, {Status.PENDING}),
            (Status.EXPIRED, {Status.PENDING}),
        ],
    )
    def test_a_state_is_reached_only_from_its_predecessors(self, state: Status, reached_from: set[Status]) -> None:
        assert PREDECESSORS[state] == reached_from

    def test_every_state_has_its_predecessors(self) -> None:
        assert set(PREDECESSORS) == set(Status)

    def test_exactly_the_states_that_lead_nowhere_are_terminal(self) -> None:
        left_again = {before for states in PREDECESSORS.values() for before in states}
        ends = {Status.COMPLETED, Status.FAILED, Status.REJECTED, Status.ABORTED, Status.EXPIRED}
        assert set(Status) - left_again == TERMINAL == ends


class TestMissingParts:
    @each_case(
        ("ranges", "named"),
        [
            ([(1, 1)], "1"),
            ([(1, 2), (4, 4)], "1-2, 4"),
            ([(n, n) for n in range(1, 20, 2)], "1, 3, 5, 7, 9, 11, 13, 15, 17, 19"),
            ([(n, n) for n in range(1, 24, 2)], "1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 2 more ranges"),
        ],
    )
    def test_at_most_ten_ranges_are_named(self, ranges: list[tuple[int, int]], named: str) -> None:
        missing = PartsMissing(ranges)
        assert missing.ranges == ranges
        assert str(missing) == f"Parts {named} are missing or have another length; send them, and complete again."
