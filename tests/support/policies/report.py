"""Reviews the stacks of this checkout with the policy pack. `make policy` runs it.

It prints a table of violations, and writes .local/policies.sarif (SARIF 2.1.0), which code scanning can show.
Violations that policy/settings.yaml exempts are in the file as suppressed, with the reason. The exit code is 1 if a
mandatory rule is broken.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from pulumi_policy import EnforcementLevel, Severity
from rich.console import Console
from rich.table import Column, Table

from core.pack import all_rules, tags
from core.rule import Rule
from core.settings import Configuration, SettingsError, read
from tests.support import golden
from tests.support.paths import OVERLAYS, PROJECT
from tests.support.policies.review import Violation, review

SARIF = PROJECT / ".local" / "policies.sarif"

Level = Literal["error", "warning", "note"]


class Text(TypedDict):
    """A message of SARIF."""

    text: str


class ReportedRule(TypedDict):
    """A rule."""

    id: str
    shortDescription: Text
    fullDescription: Text
    help: Text
    helpUri: str
    defaultConfiguration: dict[Literal["level"], Level]
    properties: dict[str, list[str] | str]


class Suppression(TypedDict):
    """Why a violation is accepted."""

    kind: Literal["external"]
    justification: str


class LogicalLocation(TypedDict):
    """A resource."""

    name: str
    fullyQualifiedName: str
    kind: Literal["resource"]


class Artifact(TypedDict):
    """A file."""

    uri: str


class Region(TypedDict):
    """A place in it."""

    startLine: int


class PhysicalLocation(TypedDict):
    """The file of the stack: resources have no line that all computes and settings share."""

    artifactLocation: Artifact
    region: Region


class Location(TypedDict):
    """Where a violation is."""

    physicalLocation: PhysicalLocation
    logicalLocations: list[LogicalLocation]


class Result(TypedDict):
    """A violation."""

    ruleId: str
    level: Level
    message: Text
    locations: list[Location]
    partialFingerprints: dict[str, str]
    suppressions: NotRequired[list[Suppression]]


class Driver(TypedDict):
    """The pack."""

    name: str
    informationUri: str
    rules: list[ReportedRule]


class Run(TypedDict):
    """All that was found."""

    tool: dict[Literal["driver"], Driver]
    results: list[Result]


Log = TypedDict("Log", {"$schema": str, "version": Literal["2.1.0"], "runs": list[Run]})
"""A SARIF file."""


@dataclass(frozen=True)
class Finding:
    """A violation in a stack of the checkout."""

    stack: str
    rule: Rule
    violation: Violation
    level: EnforcementLevel
    exemption: str | None
    """The reason and the last day, if it is exempt."""


_LEVELS: dict[EnforcementLevel, Level] = {
    EnforcementLevel.MANDATORY: "error",
    EnforcementLevel.REMEDIATE: "error",
    EnforcementLevel.ADVISORY: "warning",
    EnforcementLevel.DISABLED: "note",
}

_SCORES = {Severity.LOW: "3.0", Severity.MEDIUM: "5.0", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""Of 10, by which GitHub says low, medium, high or critical."""


def find(stacks: Iterable[str], configuration: Configuration) -> list[Finding]:
    """Review stacks of the checkout, and return also what is exempt."""
    rules = {rule.name: rule for rule in all_rules()}
    levels = {name: configuration.levels.get(name, rule.level) for name, rule in rules.items()}
    found: list[Finding] = []
    for stack in stacks:
        config = golden.read_config(PROJECT / f"Pulumi.{stack}.yaml")
        values = Configuration(values=configuration.values)
        for each in review(golden.record_stack(stack, config).registrations, configuration=values):
            if levels[each.rule] is EnforcementLevel.DISABLED:
                continue
            exemption = configuration.exemption(each.rule, each.urn)
            reason, violation = None, each
            if exemption is not None and configuration.is_current(exemption):
                reason = f"{exemption.reason} (until {exemption.until})"
            elif exemption is not None:
                violation = replace(each, message=f"{each.message} {exemption.expiry}")
            found.append(Finding(stack, rules[each.rule], violation, levels[each.rule], reason))
    return found


def as_sarif(findings: Sequence[Finding]) -> Log:
    """Return the findings as SARIF."""
    driver: Driver = {
        "name": "portage-policies",
        "informationUri": "https://www.pulumi.com/docs/insights/policy/",
        "rules": [_rule(each) for each in all_rules()],
    }
    run: Run = {"tool": {"driver": driver}, "results": [_result(each) for each in findings]}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> ReportedRule:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title} {rule.reason}"},
        "help": {"text": rule.steps},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
        "properties": {"tags": ["security", *tags(rule)], "security-severity": _SCORES[rule.severity]},
    }


def _result(finding: Finding) -> Result:
    violation = finding.violation
    resource: LogicalLocation = {
        "name": violation.name,
        "fullyQualifiedName": violation.urn,
        "kind": "resource",
    }
    file: PhysicalLocation = {
        "artifactLocation": {"uri": f"Pulumi.{finding.stack}.yaml"},
        "region": {"startLine": 1},
    }
    result: Result = {
        "ruleId": violation.rule,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{violation.name}: {violation.message}"},
        "locations": [{"physicalLocation": file, "logicalLocations": [resource]}],
        "partialFingerprints": {"resource/v1": f"{violation.rule}|{violation.urn}"},
    }
    if finding.exemption is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding.exemption}]
    return result


_SHOWN = 3
"""Resources of a row."""


def as_table(findings: Sequence[Finding]) -> Table:
    """Return a table of what is found, exempt last; resources with the same violation share a row."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for each in sorted(findings, key=lambda one: (one.exemption is not None, one.level.value != "mandatory")):
        level = each.level.value if each.exemption is None else "exempt"
        text = each.exemption or each.violation.message
        key = (level, each.rule.severity.value, each.rule.name, text)
        rows.setdefault(key, []).append(f"{each.stack} {each.violation.name}")
    headings = ("Level", "Rule", "Resources", "What is wrong, or why it is exempt")
    table = Table(*(Column(each, overflow="fold") for each in headings))
    for (level, severity, rule, text), resources in rows.items():
        shown, more = resources[:_SHOWN], len(resources) - _SHOWN
        table.add_row(
            f"{level}\n{severity}", rule, "\n".join([*shown, *([f"and {more} more"] if more > 0 else [])]), text
        )
    return table


def main(stacks: Sequence[str] = OVERLAYS, console: Console | None = None, path: Path = SARIF) -> int:
    """Print the table, write the file, and return the exit code."""
    console = console or Console()
    try:
        configuration = read(frozenset(rule.name for rule in all_rules()))
    except SettingsError as error:
        console.print(str(error), style="red")
        return 1
    findings = find(stacks, configuration)
    open_ = [each for each in findings if each.exemption is None]
    broken = [each for each in open_ if each.level is not EnforcementLevel.ADVISORY]
    if findings:
        console.print(as_table(findings))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(as_sarif(findings), indent=2) + "\n", encoding="utf-8")
    counts = f"{len(broken)} mandatory and {len(open_) - len(broken)} advisory violations"
    console.print(f"{len(all_rules())} rules, {len(stacks)} stacks: {counts}, {len(findings) - len(open_)} exempt.")
    console.print(f"Written to {path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
