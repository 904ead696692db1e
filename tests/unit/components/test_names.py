"""A name that AWS would reject for any resource is rejected before any resource is made."""

import re
from typing import Any

import pytest

from components.arguments import names
from components.arguments.names import NameRule, check_names
from local.resources import TABLE
from tests.support.components.examples import (
    COMPONENTS,
    EKS_ARGO_DEPLOY,
    FARGATE,
    PROCESSING_PIPELINE,
    STATUS_TRACKER,
    UPLOAD_API,
    Example,
)
from tests.support.components.recording import Recording, record, refusal
from tests.support.each_case import each_case

LONGEST = {STATUS_TRACKER: 239, UPLOAD_API: 32, PROCESSING_PIPELINE: 33, EKS_ARGO_DEPLOY: 29}
"""Characters of a component's name. IAM's limit for roles, EventBridge's for targets, DynamoDB's for tables."""

LONGEST_IN_VPC = 27
"""Of a pipeline with a network: IAM's limit for the role of its flow logs."""

RULES = {rule.type: rule for rule in vars(names).values() if isinstance(rule, NameRule)}
RANDOM = 8
"""Characters that the provider adds: a hyphen and seven hexadecimal digits."""


def recordings(example: Example, name: str) -> list[Recording]:
    """With as little as possible, and with everything that adds resources."""
    args: dict[str, Any] = {"malware_scan": True, "result_reader_role_name": "reader", "network_flow_log_days": 7}
    more = {key: value for key, value in args.items() if key in example.arguments}
    return [record(lambda: example.make(name) and None), record(lambda: example.make(name, **more) and None)]


def named_by_the_provider(recording: Recording) -> list[tuple[str, str]]:
    """Type and name in the program of what the provider names."""
    return [
        (each.type, each.name)
        for each in recording.registrations
        if each.type.startswith("aws:") and (rule := TABLE[each.type].autoname) and each.inputs.get(rule.input) is None
    ]


@pytest.mark.parametrize("example", COMPONENTS)
class TestEachComponent:
    @each_case(
        "name",
        ["my uploads", "über"],
    )
    def test_refuses_what_no_resource_can_be_called(self, example: Example, name: str) -> None:
        fault = refusal(lambda: example.make(name))

        assert fault.startswith(f"{example.title}: ")
        assert repr(name) in fault

    def test_refuses_one_character_too_many(self, example: Example) -> None:
        assert f"at most {LONGEST[example]} " in refusal(lambda: example.make("x" * (LONGEST[example] + 1)))

    def test_takes_the_longest_name_with_which_every_name_is_one_that_aws_takes(self, example: Example) -> None:
        at_limit = False
        for recording in recordings(example, "x" * LONGEST[example]):
            assert named_by_the_provider(recording)
            for kind, name in named_by_the_provider(recording):
                row = TABLE[kind].autoname
                assert row
                assert len(name) + RANDOM <= row.limit, (kind, name)
                at_limit = at_limit or len(name) + RANDOM == row.limit

        assert at_limit

    def test_checks_every_type_that_the_provider_names(self, example: Example) -> None:
        longest = {rule.type: len(suffix) for rule, suffix in checked_by(example).items()}

        for recording in recordings(example, "x"):
            for kind, name in named_by_the_provider(recording):
                assert len(name) - 1 <= longest[kind], (kind, name)

    def test_takes_a_name_that_the_provider_writes_in_lower_case_for_a_bucket(self, example: Example) -> None:
        record(lambda: example.make("Portage") and None)


@each_case("args", [FARGATE, {"compute": "step-functions", "workspace": "efs"}])
def test_a_pipeline_with_a_network_has_a_shorter_name(args: dict[str, Any]) -> None:
    recording = record(lambda: PROCESSING_PIPELINE.make("x" * LONGEST_IN_VPC, **args) and None)

    for kind, name in named_by_the_provider(recording):
        row = TABLE[kind].autoname
        assert row
        assert len(name) + RANDOM <= row.limit, (kind, name)
    assert f"at most {LONGEST_IN_VPC} " in refusal(lambda: PROCESSING_PIPELINE.make("x" * (LONGEST_IN_VPC + 1), **args))


def test_a_workspace_that_the_compute_does_not_make_leaves_the_name_as_it_is() -> None:
    fault = refusal(lambda: PROCESSING_PIPELINE.make("x" * (LONGEST[PROCESSING_PIPELINE] + 1), workspace="efs"))

    assert f"at most {LONGEST[PROCESSING_PIPELINE]} " in fault


def checked_by(example: Example) -> dict[NameRule, str]:
    seen: dict[NameRule, str] = {}

    def see(_component: str, _name: str, longest: dict[NameRule, str]) -> None:
        seen.update(longest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{example.component.__module__}.check_names", see)
        record(lambda: example.make("x") and None)
    return seen


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("my_uploads", "my-uploads"),
        ("My Uploads", "my-uploads"),
        ("über", "uber"),
        ("xn--uploads", "xn-uploads"),
        ("sthree-uploads", "uploads"),
        ("上传", "uploads"),
    ],
)
def test_a_name_that_makes_a_bad_bucket_is_refused_with_one_that_does_not(name: str, suggested: str) -> None:
    for example in (UPLOAD_API, PROCESSING_PIPELINE):
        fault = refusal(lambda example=example: example.make(name))

        assert "bucket" in fault
        assert fault.endswith(f"such as {suggested!r}.")
    check_names("Component", suggested, {names.BUCKET: ""})


def test_a_table_may_be_called_what_a_bucket_may_not() -> None:
    record(lambda: STATUS_TRACKER.make("my_Uploads.v2") and None)


@each_case(
    "kind",
    [kind for kind, row in TABLE.items() if row.autoname and kind in RULES],
)
def test_a_rules_limit_is_the_one_that_the_local_deployer_keeps(kind: str) -> None:
    row = TABLE[kind].autoname

    assert row
    assert (RULES[kind].max_length, RULES[kind].is_lower_case) == (row.limit, row.lower_case)


@each_case(
    "rule",
    RULES.values(),
)
def test_a_name_is_refused_by_each_rule_alone(rule: NameRule) -> None:
    check_names("Component", "x", {rule: "y" * (rule.max_length - 1 - RANDOM)})

    with pytest.raises(Exception, match=f"at most {rule.max_length} characters"):
        check_names("Component", "xx", {rule: "y" * (rule.max_length - 1 - RANDOM)})
    if rule not in {names.REST_API, names.ALARM}:
        with pytest.raises(Exception, match=re.escape("must have only")):
            check_names("Component", "ü", {rule: ""})
