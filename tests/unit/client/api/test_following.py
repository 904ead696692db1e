from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from client import Failure, NotFinished, Upload, follow

PENDING = Upload(
    upload_id="0198",
    status="pending",
    version=1,
    file_name="a.txt",
    content_type="text/plain",
    size_bytes=6,
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, tzinfo=UTC),
    result=None,
    failure=None,
)
UPLOADED = replace(PENDING, status="uploaded", version=2)
PROCESSING = replace(PENDING, status="processing", version=3)
COMPLETED = replace(PENDING, status="completed", version=4)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def answering(*uploads: Upload) -> Callable[[str], Upload]:
    """Answer each in turn, and the last for ever."""
    left = list(uploads)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def followed(time: Time, *uploads: Upload, timeout_seconds: float = 60) -> list[Upload]:
    return list(follow(answering(*uploads), "0198", timeout_seconds, clock=time.clock, sleep=time.sleep))


def test_every_change_is_told_once() -> None:
    seen = followed(Time(), PENDING, PENDING, UPLOADED, PROCESSING, PROCESSING, PROCESSING, COMPLETED)
    assert seen == [PENDING, UPLOADED, PROCESSING, COMPLETED]


def test_a_finished_upload_is_told_at_once() -> None:
    time = Time()
    assert followed(time, COMPLETED) == [COMPLETED]
    assert time.slept == []


@pytest.mark.parametrize("status", ["completed", "failed", "rejected", "aborted", "expired"])
def test_every_terminal_status_ends_it(status: str) -> None:
    end = replace(PENDING, status=status, version=2, failure=Failure("c", "d"))
    assert followed(Time(), PENDING, end)[-1] == end


def test_it_asks_ever_more_seldom_and_soon_again_after_a_change() -> None:
    time = Time()
    followed(time, *[PENDING] * 12, UPLOADED, UPLOADED, COMPLETED)
    before, after = time.slept[:12], time.slept[12:]
    assert before[0] == 0.1
    assert before == sorted(before)
    assert before[-1] == 2.0
    assert after[0] == 0.1


def test_the_time_that_was_given_is_not_exceeded() -> None:
    time = Time()
    with pytest.raises(NotFinished):
        followed(time, PENDING, timeout_seconds=7)
    assert time.now == pytest.approx(1007)


def test_a_timeout_names_the_upload_and_its_last_status() -> None:
    with pytest.raises(TimeoutError, match="upload 0198 was still processing after 3 s"):
        followed(Time(), PENDING, PROCESSING, timeout_seconds=3)


def test_it_looks_once_more_when_the_time_is_up() -> None:
    assert followed(Time(), PENDING, COMPLETED, timeout_seconds=0.05)[-1] == COMPLETED
