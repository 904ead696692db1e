"""Which lines of a function's log say why a call failed."""

import json

import pytest

from local.emulator.function_logs import last_lines, traceback_in

CAUSE = """\
START RequestId: 1
A message failed.
Traceback (most recent call last):
  File "child_process.py", line 77, in run_in_child
    raise WorkFailed(name, trace)
handlers.processors.child_process.WorkFailed: Traceback (most recent call last):
  File "team.py", line 3, in helper
    raise ValueError("no such column: total")
ValueError: no such column: total


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "process_object.py", line 98, in handle
    ended = process()
            ^^^^^^^^^
handlers.use_cases.process_object.JobFailed: Try 1 of 3 ended in ValueError.
END RequestId: 1
"""


@pytest.mark.parametrize(
    ("log", "errors"),
    [
        (
            CAUSE,
            ("ValueError: no such column: total", "handlers.use_cases.process_object.JobFailed: Try 1 of 3 ended in "),
        ),
        ("START RequestId: 1\nprinted\nEND RequestId: 1", ()),
        ("Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'a'\nmore\n", ("KeyError: 'a'",)),
        ('Traceback (most recent call last):\n  File "a.py"', ()),
    ],
)
def test_each_traceback_has_its_last_line(log: str, errors: tuple[str, ...]) -> None:
    found = last_lines(log.splitlines())

    assert len(found) == len(errors)
    assert all(line.startswith(error) for line, error in zip(found, errors, strict=True))


@pytest.mark.parametrize(
    ("line", "errors"),
    [
        (json.dumps({"message": "A message failed.", "stackTrace": CAUSE.splitlines(keepends=True)}), 2),
        (json.dumps({"message": "done"}), 0),
        ("[1]", 0),
        ("printed", 0),
    ],
)
def test_a_traceback_may_be_in_a_line_of_json(line: str, errors: int) -> None:
    assert len(last_lines(traceback_in(line))) == errors
