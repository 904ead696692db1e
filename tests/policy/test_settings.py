"""settings.yaml: levels, values, and exemptions that expire."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pulumi_aws as aws
import pytest
from pulumi_policy import EnforcementLevel

from core.pack import policies
from core.settings import SETTINGS, Configuration, SettingsError, read
from local.engine.built_in.program import Registration
from tests.support.components.recording import record
from tests.support.each_case import each_case
from tests.support.policies.review import review

RULE = "sqs-queue-is-encrypted"
RULES = frozenset((RULE,))
TODAY = dt.date(2027, 3, 1)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "settings.yaml"
        path.write_text(text)
        return path

    return to_file


def exempt(until: str) -> str:
    pattern = "urn:pulumi:test::*::jobs"
    return f"exemptions:\n  - {{rule: {RULE}, resources: '{pattern}', reason: No secrets here, until: {until}}}\n"


def queues() -> list[Registration]:
    def program() -> None:
        for name in ("jobs", "more-jobs"):
            aws.sqs.Queue(name, sqs_managed_sse_enabled=False)

    return list(record(program).registrations)


def test_an_exemption_holds_for_its_resources_until_its_last_day(write: Write) -> None:
    configuration = read(RULES, write(exempt("2027-03-01")), TODAY)

    found = review(queues(), rules=RULES, configuration=configuration)

    assert [each.name for each in found] == ["more-jobs"]


def test_of_two_exemptions_the_longer_one_counts(write: Write) -> None:
    both = exempt("2027-03-02") + exempt("2027-02-28").removeprefix("exemptions:\n")

    found = review(queues(), rules=RULES, configuration=read(RULES, write(both), TODAY))

    assert [each.name for each in found] == ["more-jobs"]


def test_an_expired_exemption_is_reported_with_its_reason(write: Write) -> None:
    configuration = read(RULES, write(exempt("2027-02-28")), TODAY)

    found = {each.name: each.message for each in review(queues(), rules=RULES, configuration=configuration)}

    assert found.keys() == {"jobs", "more-jobs"}
    assert "2027-02-28" in found["jobs"]
    assert "No secrets here" in found["jobs"]


@each_case(
    ("text", "named"),
    [
        ("exemptions: [{rule: sqs-queue-is-encryptd, resources: a, reason: a, until: 2027-01-01}]", "encryptd"),
        (f"exemptions: [{{rule: {RULE}, resources: a, reason: '', until: 2027-01-01}}]", "reason"),
        (f"exemptions: [{{rule: {RULE}, resources: a, until: 2027-01-01}}]", "reason"),
        (f"exemptions: [{{rule: {RULE}, resources: a, reason: a}}]", "until"),
        (f"exemptions: [{{rule: {RULE}, resources: a, reason: a, until: soon}}]", "until"),
        (f"exemptions: [{{rule: {RULE}, resource: a, reason: a, until: 2027-01-01}}]", "resource "),
        ("levels: {nothing: advisory}", "nothing"),
        (f"levels: {{{RULE}: sometimes}}", "sometimes"),
        ("values: {allowedRegion: [eu-west-1]}", "allowedRegion"),
        ("value: {}", "value"),
        (f"levels: {{{RULE[:-1]}: advisory}}", f"did you mean {RULE}"),
        (f"levels: {{{RULE}: [advisory]}}", "advisory"),
        ("levels: {}\nlevels: {}", "levels"),
        ("levels: {", "YAML"),
        ("- levels", "levels"),
        ("levels: [advisory]", "levels"),
        ("values: allowedRegions", "values"),
        ("values: {allowedRegions: eu-west-1}", "allowedRegions"),
        ("values: {allowedRegions: [1]}", "allowedRegions"),
        ("values: {logRetentionDays: '7'}", "logRetentionDays"),
        ("values: {logRetentionDays: true}", "logRetentionDays"),
        ("values: {requiredTags: [team]}", "requiredTags"),
        ("values: {requiredTags: {team: 1}}", "requiredTags"),
        ("values: {1: 2}", "1"),
        ("exemptions: {rule: a}", "exemptions"),
        (f"exemptions: [{RULE}]", "exemptions"),
        (f"exemptions: [{{rule: {RULE}, resources: {{a: b}}, reason: a, until: 2027-01-01}}]", "resources"),
    ],
)
def test_a_mistake_in_the_file_is_an_error(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)

    with pytest.raises(SettingsError, match=named):
        read(RULES, path, TODAY)


def test_a_level_of_the_file_replaces_the_rule_s_own(write: Write) -> None:
    configuration = read(RULES, write(f"levels: {{{RULE}: advisory}}"), TODAY)

    levels = {each.name: each.enforcement_level for each in policies(configuration)}
    defaults = {each.name: each.enforcement_level for each in policies(Configuration())}

    assert levels == {**defaults, RULE: EnforcementLevel.ADVISORY}
    assert defaults[RULE] is EnforcementLevel.MANDATORY


def test_pulumi_s_configuration_wins_over_the_file() -> None:
    configuration = Configuration(values={"logRetentionDays": 30})

    assert configuration.value("logRetentionDays", {}) == 30
    assert configuration.value("logRetentionDays", {"logRetentionDays": 90}) == 90
    assert configuration.value("allowedRegions", {}) == SETTINGS["allowedRegions"].default


def test_the_engine_s_defaults_are_the_values_of_the_file(write: Write) -> None:
    def program() -> None:
        aws.cloudwatch.LogGroup("log", retention_in_days=14)

    rule = "logs-log-group-has-retention"
    configuration = read(RULES, write("values: {logRetentionDays: 30}"), TODAY)
    (policy,) = [each for each in policies(configuration) if each.name == rule]
    assert policy.config_schema is not None
    defaults = {name: schema["default"] for name, schema in policy.config_schema.properties.items()}
    log = list(record(program).registrations)

    assert [each.name for each in review(log, rules=[rule], configuration=configuration, config=defaults)] == ["log"]
    assert review(log, rules=[rule], configuration=configuration, config={"logRetentionDays": 7}) == []
