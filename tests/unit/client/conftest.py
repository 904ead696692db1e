from collections.abc import Iterator

import pytest

from tests.unit.client.fake_server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been slept between tries; nothing is."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept
