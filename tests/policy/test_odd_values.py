"""No rule raises on any value in a resource: its error would stop the update, and not name the resource."""

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

from pulumi_policy import ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.deserialize import deserialize_properties, serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from core.pack import policies
from core.settings import Configuration
from local.engine.built_in.program import Registration
from local.resources.parameters import plain
from tests.support.each_case import each_case
from tests.support.policies.cases.case import CASES, Case
from tests.support.policies.recorded_cases import CONFIG, resources
from tests.support.policies.review import OPTIONS, review

ODD: tuple[object, ...] = (
    None,
    "",
    "x",
    "-1",
    "1e999",
    "9" * 400,
    True,
    -1,
    float("nan"),
    [],
    [None],
    ["x"],
    {},
    {"x": None},
    {"x": ["x"]},
    UNKNOWN_STRING_VALUE,
)


POLICIES = {each.name: each for each in policies(Configuration())}
REMEDIES = {**CONFIG, "requiredTags": {"team": "video"}}


def variants(value: Any) -> Iterator[Any]:
    """Yield the value with one part of it replaced, at any depth, also inside of JSON."""
    yield from (deepcopy(each) for each in (*ODD, [value]))
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from ({**value, key: each} for each in variants(item))
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for index, item in enumerate(items):
            yield from ([*items[:index], each, *items[index + 1 :]] for each in variants(item))
    elif isinstance(value, str) and value.startswith(("{", "[")):
        yield from (json.dumps(each) for each in variants(json.loads(value)))
        yield "[" * 100_000


@each_case("case", CASES)
def test_no_rule_raises(case: Case) -> None:
    for ok in (True, False):
        made = resources(case, ok=ok)
        for index, registration in enumerate(made):
            for key, value in plain(registration.inputs).items():
                for each in variants(value):
                    odd = replace(registration, inputs={**registration.inputs, key: each})
                    review([*made[:index], odd, *made[index + 1 :]], rules=[case.rule], config=CONFIG)
                    remediate(case.rule, odd)


def remediate(rule: str, registration: Registration) -> None:
    policy = POLICIES[rule]
    if not isinstance(policy, ResourceValidationPolicy):
        return
    received = deserialize_properties(plain(registration.inputs), proxy_secrets=True)
    with suppress(UnknownValueError):  # the SDK reports it
        result: Any = policy.remediate(
            ResourceValidationArgs(
                registration.type, received, registration.urn, registration.name, OPTIONS, None, REMEDIES
            )
        )
        if result is not None:
            serialize_properties(result)
