"""How many steps of executions run at once."""

import heapq
import itertools
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

AT_ONCE = 4 * (os.cpu_count() or 1)

Invoke = Callable[[str, Any, float], Any]


def in_turn(original: Invoke) -> Invoke:
    """Return a call of a step that waits for its turn."""
    turns = Turns(AT_ONCE)

    def invoke(resource: str, parameters: Any, timeout_seconds: float) -> Any:
        if ":lambda:" not in resource:  # an execution that waits for another one would keep it from its turn
            return original(resource, parameters, timeout_seconds)
        with turns.turn():
            return original(resource, parameters, timeout_seconds)

    return invoke


class Turns:
    """Lets so many threads work at once. Each execution is a thread, and the one that began first is the next."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[tuple[int, threading.Event]] = []
        self._lock = threading.Lock()
        self._local = threading.local()
        self._numbers = itertools.count()

    @property
    def waiting(self) -> int:
        """How many threads wait for a turn."""
        return len(self._waiting)

    @contextmanager
    def turn(self) -> Generator[None]:
        """Wait for a turn, and hold it."""
        begins = threading.Event()
        with self._lock:
            if not hasattr(self._local, "number"):
                self._local.number = next(self._numbers)
            if self._free:
                self._free -= 1
                begins.set()
            else:
                heapq.heappush(self._waiting, (self._local.number, begins))
        begins.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    heapq.heappop(self._waiting)[1].set()
                else:
                    self._free += 1
