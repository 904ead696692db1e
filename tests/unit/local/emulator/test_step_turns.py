"""Steps of executions wait for their turn in the embedded AWS, and Lambda's throttling has AWS's name."""

import json
import threading
import time
from typing import Any

import pytest

from local.emulator import patching
from local.emulator.patches.stepfunctions import named_throttling
from local.emulator.patches.stepfunctions.turns import Turns, in_turn

SECONDS = 30
"""For what happens at once."""
INVOKE = "arn:aws:states:::lambda:invoke"


def test_the_execution_that_began_first_is_the_next() -> None:
    turns, ended = Turns(1), list[str]()
    first_has_a_turn, goes_on = threading.Event(), threading.Event()

    def first() -> None:
        with turns.turn():
            first_has_a_turn.set()
            assert goes_on.wait(SECONDS)
        with turns.turn():
            ended.append("first")

    def later() -> None:
        with turns.turn():
            while turns.waiting < 2 and not ended:
                time.sleep(0.001)  # until the first execution waits for its second step
            ended.append("later")

    executions = [threading.Thread(target=first)]
    executions[0].start()
    assert first_has_a_turn.wait(SECONDS)
    for _ in range(2):
        executions.append(threading.Thread(target=later))
        executions[-1].start()
    while turns.waiting < 2:
        time.sleep(0.001)
    goes_on.set()
    for each in executions:
        each.join(SECONDS)
    assert ended == ["later", "first", "later"]


def test_a_step_that_fails_ends_its_turn() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        pass


@pytest.mark.parametrize(
    ("resource", "others"), [(INVOKE, "wait"), ("arn:aws:states:::states:startExecution.sync", "go on")]
)
def test_only_functions_take_turns(monkeypatch: pytest.MonkeyPatch, resource: str, others: str) -> None:
    monkeypatch.setattr("local.emulator.patches.stepfunctions.turns.AT_ONCE", 1)
    goes_on, begun = threading.Event(), threading.Semaphore(0)

    def step(*_call: Any) -> str:
        begun.release()
        assert goes_on.wait(SECONDS)
        return "done"

    invoke = in_turn(step)
    executions = [threading.Thread(target=invoke, args=(resource, {}, 1)) for _ in range(2)]
    for each in executions:
        each.start()
    assert begun.acquire(timeout=SECONDS)
    assert begun.acquire(timeout=SECONDS if others == "go on" else 0.05) is (others == "go on")
    goes_on.set()
    for each in executions:
        each.join(SECONDS)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"__type": "TooManyRequestsException", "message": "Rate Exceeded"}, "Lambda.TooManyRequestsException"),
        ({"errorMessage": "other"}, "Lambda.Unknown"),
    ],
)
def test_throttling_has_the_name_that_retriers_wait_for(body: dict[str, str], expected: str) -> None:
    error_type: Any = patching.attribute("ministack.services.stepfunctions", "_ExecutionError")

    def fail(_function: str, _event: object) -> object:
        raise error_type("Lambda.Unknown", json.dumps(body))

    with pytest.raises(error_type) as caught:
        named_throttling(fail)("a-function", {})
    assert caught.value.error == expected
