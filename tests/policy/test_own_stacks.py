"""This project's own stacks break no rule, with each compute, except for what settings.yaml exempts."""

from core.pack import all_rules
from core.settings import Configuration, read
from tests.support.each_case import each_case
from tests.support.policies.review import review
from tests.support.policies.stacks import resources

STACKS = [("dev", "lambda"), ("staging", "step-functions"), ("prod", "fargate"), ("prod", "lambda")]


def configuration() -> Configuration:
    return read(frozenset(rule.name for rule in all_rules()))


@each_case(("stack", "compute"), STACKS)
def test_no_rule_is_broken(stack: str, compute: str) -> None:
    assert review(resources(stack, compute), configuration=configuration()) == []


def test_every_exemption_is_needed() -> None:
    exemptions = configuration().exemptions
    found = [each for stack, compute in STACKS for each in review(resources(stack, compute))]

    assert exemptions
    for exemption in exemptions:
        assert any(exemption.covers(each.rule, each.urn) for each in found), f"nothing needs {exemption}"
