"""Each rule reports resources that break it, and no other.

The resources are made through the SDKs, and recorded as the engine receives them.
"""

from collections import defaultdict
from functools import cache
from importlib import import_module

from core.pack import all_rules
from local.engine.built_in.program import Registration
from tests.support.components.recording import record
from tests.support.each_case import each_case
from tests.support.paths import PROJECT
from tests.support.policies.cases.case import CASES, Case
from tests.support.policies.review import review, with_unknown

for module in (PROJECT / "tests/support/policies/cases").glob("*.py"):
    import_module(f"tests.support.policies.cases.{module.stem}")

CONFIG = {"allowedRegions": ["eu-central-1"], "requiredTags": {"team": ""}}
"""Without these, two rules ask for nothing."""

RULES = {rule.name: rule for rule in all_rules()}


@cache
def _recorded() -> dict[str, list[Registration]]:
    """The resources of all cases, by the prefix of their names."""

    def program() -> None:
        for each in CASES:
            for ok in (True, False):
                each.make(each.prefix(ok=ok), ok=ok)

    by_prefix: dict[str, list[Registration]] = defaultdict(list)
    for registration in record(program).registrations:
        rule, number_and_kind, _ = registration.name.split("--", 2)
        by_prefix[f"{rule}--{number_and_kind}--"].append(registration)
    return by_prefix


def resources(case: Case, *, ok: bool) -> list[Registration]:
    return _recorded()[case.prefix(ok=ok)]


def test_every_rule_has_a_case() -> None:
    assert {each.rule for each in CASES} == RULES.keys()


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
