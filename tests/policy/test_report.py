"""What `make policy` prints and writes."""

import datetime as dt
import io
import json
from pathlib import Path

import pytest
from pulumi_policy import EnforcementLevel
from rich.console import Console

from core.pack import all_rules
from core.settings import Configuration, Exemption
from tests.support.policies import report
from tests.support.policies.report import Finding, as_sarif
from tests.support.policies.review import Violation

RULES = {rule.name: rule for rule in all_rules()}
DELETION = "cognito-pool-is-protected-from-deletion"
TLS = "s3-bucket-policy-requires-tls"
URN = "urn:pulumi:dev::portage::aws:s3/bucketPolicy:BucketPolicy::films"


def finding(exemption: str | None = None, level: EnforcementLevel = EnforcementLevel.MANDATORY) -> Finding:
    return Finding("dev", RULES[TLS], Violation(TLS, URN, "No TLS."), level, exemption)


def test_sarif_has_each_rule_with_its_source_and_controls() -> None:
    (run,) = as_sarif([])["runs"]
    rules = {each["id"]: each for each in run["tool"]["driver"]["rules"]}

    assert rules.keys() == RULES.keys()
    assert rules[TLS]["helpUri"] == RULES[TLS].source
    assert {"security", "AWS-FSBP/1.0.0/S3.5"} <= set(rules[TLS]["properties"]["tags"])
    assert rules[TLS]["properties"]["security-severity"] == "5.0"


def test_sarif_names_the_resource_and_the_stack_of_a_violation() -> None:
    (run,) = as_sarif([finding()])["runs"]
    (result,) = run["results"]
    (location,) = result["locations"]

    assert (result["ruleId"], result["level"], result["message"]) == (TLS, "error", {"text": "films: No TLS."})
    assert location["logicalLocations"][0]["fullyQualifiedName"] == URN
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "Pulumi.dev.yaml"}
    assert "suppressions" not in result


def test_sarif_suppresses_what_is_exempt_with_the_reason() -> None:
    (run,) = as_sarif([finding("No secrets here (until 2027-01-01)")])["runs"]

    assert run["results"][0].get("suppressions") == [
        {"kind": "external", "justification": "No secrets here (until 2027-01-01)"}
    ]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([finding()], 1),
        ([finding(level=EnforcementLevel.ADVISORY)], 0),
        ([finding("No secrets here")], 0),
    ],
)
def test_the_exit_code_is_1_if_a_mandatory_rule_is_broken(
    found: list[Finding], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(_stacks: object, _configuration: Configuration) -> list[Finding]:
        return found

    monkeypatch.setattr(report, "find", find)
    printed, path = io.StringIO(), tmp_path / "local" / "policies.sarif"

    assert report.main(["dev"], Console(file=printed, width=200), path) == code
    assert len(json.loads(path.read_text())["runs"][0]["results"]) == len(found)
    assert ("films" in printed.getvalue()) == bool(found)


def test_an_expired_exemption_is_named_in_the_violation_that_it_no_longer_covers() -> None:
    expired = Exemption(DELETION, ("*",), "Made to be destroyed", dt.date(2027, 3, 1))
    configuration = Configuration(exemptions=(expired,), today=dt.date(2027, 3, 2))

    (found,) = [each for each in report.find(["dev"], configuration) if each.rule.name == DELETION]

    assert found.exemption is None
    assert "2027-03-01" in found.violation.message
    assert "Made to be destroyed" in found.violation.message


def test_the_table_shows_whole_texts_on_a_narrow_terminal() -> None:
    printed = io.StringIO()

    Console(file=printed, width=40).print(report.as_table([finding()]))

    rows = [line.split("│") for line in printed.getvalue().splitlines() if line.startswith("│")]
    assert "".join(row[2].strip() for row in rows) == TLS
