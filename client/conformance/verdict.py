"""How a case ends, and the report of a run in JUnit's XML, which CI systems show."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from ..errors import PortageError


class Failed(PortageError):
    """The stack does something else than the case requires."""


class Skipped(PortageError):
    """The case cannot run here. The message is the reason."""


class Outcome(StrEnum):
    """How a case can end."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """How one case ended."""

    group: str
    case: str
    outcome: Outcome
    seconds: float
    reason: str = ""
    """Why it failed or was skipped."""
    is_network_error: bool = False
    """Whether it failed because no answer of the stack arrived."""


def require(is_met: bool, otherwise: str) -> None:
    """Raise Failed with a sentence unless the condition is met."""
    if not is_met:
        raise Failed(otherwise)


_NAME = "portage verify"
_ELEMENTS = {Outcome.FAILED: "failure", Outcome.SKIPPED: "skipped"}


def write_junit(path: Path, verdicts: Sequence[Verdict], api_url: str) -> None:
    """Write the report. Raises OSError if the file cannot be written.

    With the standard library, because the format is two elements deep, and a library for it would be one more
    dependency of every client. Source: the schema of Jenkins' xunit plugin, "junit-10.xsd".
    """
    suite = ET.Element("testsuite", {"name": _NAME, **_counts(verdicts)})
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="apiUrl", value=api_url)
    for verdict in verdicts:
        seconds = f"{verdict.seconds:.3f}"
        case = ET.SubElement(suite, "testcase", classname=verdict.group, name=verdict.case, time=seconds)
        if verdict.outcome in _ELEMENTS:
            reason = "".join(each if each.isprintable() else " " for each in verdict.reason)  # XML has no controls
            ET.SubElement(case, _ELEMENTS[verdict.outcome], message=reason)
    report = ET.Element("testsuites", {"name": _NAME, **_counts(verdicts)})
    report.append(suite)
    ET.indent(report)
    path.write_bytes(ET.tostring(report, encoding="utf-8", xml_declaration=True) + b"\n")


def _counts(verdicts: Sequence[Verdict]) -> dict[str, str]:
    outcomes = [verdict.outcome for verdict in verdicts]
    return {
        "tests": str(len(verdicts)),
        "failures": str(outcomes.count(Outcome.FAILED)),
        "skipped": str(outcomes.count(Outcome.SKIPPED)),
        "time": f"{sum(verdict.seconds for verdict in verdicts):.3f}",
    }
