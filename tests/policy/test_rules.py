"""Each rule reports resources that break it, and no other.

The resources are made through the SDKs, and recorded as the engine receives them.
"""

import re
from pathlib import Path

import pulumi_aws
import pulumi_kubernetes

from core.pack import all_rules
from tests.support.each_case import each_case
from tests.support.paths import PROJECT
from tests.support.policies.cases.case import CASES, Case
from tests.support.policies.recorded_cases import CONFIG, resources
from tests.support.policies.review import review, with_unknown

RULES = {rule.name for rule in all_rules()}


def test_every_rule_has_a_case() -> None:
    assert {each.rule for each in CASES} == RULES


def test_every_type_is_one_of_the_sdks() -> None:
    """Cases show only one type of a rule."""
    known = {"kubernetes:argoproj.io/v1alpha1:Application"}  # is made as a CustomResource
    for sdk in (pulumi_aws, pulumi_kubernetes):
        known |= set(re.findall(r'"([^"\s]+:[^"\s]+:\w+)"', Path(str(sdk.__file__)).read_text(encoding="utf-8")))
    sources = (path.read_text(encoding="utf-8") for path in (PROJECT / "policy").glob("*/**/*.py"))
    named = {each for source in sources for each in re.findall(r'"((?:aws:\w+/|kubernetes:)[\w./]+:\w+)"', source)}

    assert len(named) > 70
    assert named <= known


@each_case("case", CASES)
def test_a_resource_that_breaks_the_rule_is_reported(case: Case) -> None:
    found = review(resources(case, ok=False), rules=[case.rule], config=CONFIG)

    assert found
    assert {each.urn for each in found} <= {each.urn for each in resources(case, ok=False)}


@each_case("case", CASES)
def test_a_resource_that_meets_the_rule_is_not(case: Case) -> None:
    assert review(resources(case, ok=True), rules=[case.rule], config=CONFIG) == []


@each_case("case", CASES)
def test_a_value_that_a_preview_does_not_know_yet_is_no_violation(case: Case) -> None:
    good = resources(case, ok=True)
    for index, registration in enumerate(good):
        for key in registration.inputs:
            unknown = [*good[:index], with_unknown(registration, key), *good[index + 1 :]]

            assert review(unknown, rules=[case.rule], config=CONFIG) == [], f"{registration.name}: {key} is unknown"
