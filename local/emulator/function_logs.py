"""Finds failed calls and jobs in the logs of functions and containers, so that local mode can show them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from local.emulator.process import Emulator

_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class FailedCall:
    """A call of a function, or a job of a container, that has logged a traceback."""

    function: str
    """Name of the function or of the task definition's family."""
    log_group: str
    log_stream: str
    errors: tuple[str, ...]
    """The last line of each traceback, the cause first."""


class FunctionLogs:
    """The logs of all functions and containers on the embedded AWS.

    A function has a log stream for each call, a container one for all its jobs.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._logs = emulator.client("logs")
        pages = emulator.client("lambda").get_paginator("list_functions").paginate()
        functions = [function for page in pages for function in page["Functions"]]
        self._functions: Mapping[str, str] = {
            function["LoggingConfig"]["LogGroup"]: function["FunctionName"] for function in functions
        }
        self._families = _families_by_log_group(emulator)
        self._read_until = dict.fromkeys((*self._functions, *self._families), 0)
        self._found: set[str] = set()
        """Log streams of functions and events of containers."""

    def new_failures(self) -> Iterator[FailedCall]:
        """Yield the calls that have failed since the last call of this method."""
        for group, function in self._functions.items():
            streams: dict[str, list[str]] = {}
            for event in self._new_events(group):
                streams.setdefault(event["logStreamName"], []).append(event["message"])
            for stream, lines in streams.items():
                errors = last_lines(lines)
                if errors and stream not in self._found:
                    self._found.add(stream)
                    yield FailedCall(function, group, stream, errors)
        for group, family in self._families.items():
            for event in self._new_events(group):
                errors = last_lines(traceback_in(event["message"]))
                if errors and event["eventId"] not in self._found:
                    self._found.add(event["eventId"])
                    yield FailedCall(family, group, event["logStreamName"], errors)

    def _new_events(self, group: str) -> Iterator[Mapping[str, Any]]:
        # Calls that end in the last millisecond may be logged after it was read, so it is read again.
        since = self._read_until[group]
        for page in self._logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                self._read_until[group] = max(self._read_until[group], event["timestamp"])
                yield event


def _families_by_log_group(emulator: Emulator) -> Mapping[str, str]:
    ecs = emulator.client("ecs")
    found: dict[str, str] = {}
    for page in ecs.get_paginator("list_task_definitions").paginate():
        for arn in page["taskDefinitionArns"]:
            definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            for container in definition["containerDefinitions"]:
                if group := container.get("logConfiguration", {}).get("options", {}).get("awslogs-group"):
                    found[group] = definition["family"]
    return found


def traceback_in(line: str) -> Sequence[str]:
    """Return the lines of the traceback in a log line of JSON; none for another line."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ()
    if not isinstance(entry, dict):
        return ()
    return "".join(cast("dict[str, Any]", entry).get("stackTrace", ())).splitlines()


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
