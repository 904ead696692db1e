"""Finds failed calls in the deployed functions' logs, so that local mode can show them while it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.emulator.process import Emulator

_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class FailedCall:
    """A call of a function that has logged a traceback."""

    function: str
    log_group: str
    log_stream: str
    errors: tuple[str, ...]
    """The last line of each traceback, the cause first."""


class FunctionLogs:
    """The logs of all functions on the embedded AWS, which writes a log stream for each call."""

    def __init__(self, emulator: Emulator) -> None:
        self._logs = emulator.client("logs")
        pages = emulator.client("lambda").get_paginator("list_functions").paginate()
        functions = [function for page in pages for function in page["Functions"]]
        self._functions: Mapping[str, str] = {
            function["LoggingConfig"]["LogGroup"]: function["FunctionName"] for function in functions
        }
        self._read_until = dict.fromkeys(self._functions, 0)
        self._found: set[str] = set()

    def new_failures(self) -> Iterator[FailedCall]:
        """Yield the calls that have failed since the last call of this method."""
        for group, function in self._functions.items():
            streams: dict[str, list[str]] = {}
            # Calls that end in the last millisecond may be logged after it was read, so it is read again.
            since = self._read_until[group]
            for page in self._logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
                for event in page["events"]:
                    streams.setdefault(event["logStreamName"], []).append(event["message"])
                    self._read_until[group] = max(self._read_until[group], event["timestamp"])
            for stream, lines in streams.items():
                errors = last_lines(lines)
                if errors and stream not in self._found:
                    self._found.add(stream)
                    yield FailedCall(function, group, stream, errors)


def last_lines(log: Sequence[str]) -> tuple[str, ...]:
    """Return the line with the exception of each traceback in a log."""
    found: list[str] = []
    is_inside = False
    for line in log:
        if line.endswith(_TRACEBACK):
            is_inside = True
        elif is_inside and line and not line.startswith(" "):
            found.append(line)
            is_inside = False
    return tuple(found)
