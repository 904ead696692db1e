from collections.abc import Iterator
from pathlib import Path

import pytest

from client.conformance.context import Context, Person
from client.conformance.sample import Sample
from client.conformance.stack import Stack, UploadRules
from tests.support.client.fake_cognito import EMAIL, id_token
from tests.support.client.fake_stack import ORIGIN, USERS, FakeStack
from tests.support.client.stack_context import FakeOperator, Open


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    with FakeStack() as running:
        yield running


@pytest.fixture
def open_context(stack: FakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    two_parts = stack.part_size_bytes + 1000
    for module in ("sample", "cases.tampering"):
        monkeypatch.setattr(f"client.conformance.{module}.TWO_PARTS_BYTES", two_parts)
    monkeypatch.setattr("client.conformance.cases.processing._WATCH_SECONDS", 0.1)
    monkeypatch.setattr("client.conformance.cases.processing._PUT_AWAY_SECONDS", 0.1)
    monkeypatch.setattr("client.conformance.cases.sending._AGREE_SECONDS", 0.1)
    opened: list[Context] = []

    def open_one(*, origins: tuple[str, ...] | None = None, **rules: object) -> Context:
        known = {"allow_forms": True, "allowed_origins": (ORIGIN,), "malware_scan": True, "max_upload_bytes": 10**8}
        made = UploadRules(**(known | rules))  # pyright: ignore[reportArgumentType]
        checked = Stack(stack.url, made, origins)
        people = {name: Person(checked, id_token(name), tmp_path / name) for name in USERS}
        context = Context(
            checked, people[EMAIL], tmp_path, Sample.for_stack(made), lambda: people[USERS[1]], FakeOperator(stack), 30
        )
        opened.append(context)
        return context

    yield open_one
    for each in opened:
        each.person.close()
        each.requests.close()


@pytest.fixture
def fake(stack: FakeStack) -> FakeStack:
    """The API that the command's configuration names."""
    return stack
