"""Permissions to put events on the bus of the embedded AWS, by source."""

from collections.abc import Iterator

import pytest

from local.emulator.process import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.mark.parametrize(
    ("sources", "refused"),
    [(["aws.guardduty"], 0), (["team.scanner"], 0), (["aws.s3"], 1), (["aws.guardduty", "aws.s3"], 2)],
)
def test_guardduty_can_be_spoken_for_and_no_other_service(emulator: Emulator, sources: list[str], refused: int) -> None:
    answer = emulator.client("events").put_events(
        Entries=[{"Source": source, "DetailType": "Something Happened", "Detail": "{}"} for source in sources]
    )
    assert answer["FailedEntryCount"] == refused
