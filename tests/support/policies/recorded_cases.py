"""The resources of all cases, recorded as the engine receives them."""

from collections import defaultdict
from functools import cache
from importlib import import_module

from local.engine.built_in.program import Registration
from tests.support.components.recording import record
from tests.support.paths import PROJECT
from tests.support.policies.cases.case import CASES, Case

for module in (PROJECT / "tests/support/policies/cases").glob("*.py"):
    import_module(f"tests.support.policies.cases.{module.stem}")

CONFIG = {"allowedRegions": ["eu-central-1"], "requiredTags": {"team": ""}}
"""Without these, two rules ask for nothing."""


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
    """Return the resources of a case that meet its rule, or that break it."""
    return _recorded()[case.prefix(ok=ok)]
