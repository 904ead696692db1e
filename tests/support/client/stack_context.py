"""What the tests of the conformance suite share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from client.conformance.context import Context
from tests.support.client.fake_stack import FakeStack

Open = Callable[..., Context]


@dataclass
class FakeOperator:
    stack: FakeStack
    deleted: list[str] = field(default_factory=list[str])

    def send_event_again(self, owner: str, upload_id: str) -> None:
        assert self.stack.owners[upload_id] == owner
        if "repeated" in self.stack.broken:
            self.stack.uploads[upload_id].status = "failed"

    def is_queue_empty(self) -> bool:
        return True

    def is_put_away(self, owner: str, upload_id: str) -> bool:
        assert self.stack.owners[upload_id] == owner
        return "quarantine" not in self.stack.broken

    def delete(self, owner: str, upload_id: str) -> None:
        assert self.stack.owners[upload_id] == owner
        self.deleted.append(upload_id)
