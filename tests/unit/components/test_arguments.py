"""Each argument is bound to its constraint, and does something. test_constraints.py proves the constraints."""

import inspect
import json
from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pytest

from components.arguments import ArgumentError
from components.arguments.constraints import ListOf, MapsOf, MaybeOutput
from handlers.domain.delays import LONGEST_FUNCTION_SECONDS
from local.resources.parameters import plain
from tests.support.components.examples import (
    COMPONENTS,
    LAMBDA_FUNCTION,
    PROCESSING_PIPELINE,
    STATUS_TRACKER,
    TEAM_CODE,
    UPLOAD_API,
    Example,
)
from tests.support.components.recording import record, refusal, without_secrets
from tests.support.each_case import each_case

CHECKED = (*COMPONENTS, LAMBDA_FUNCTION)
ALL = [(example, argument) for example in CHECKED for argument in example.arguments]
RANGES = [(example, argument) for example, argument in ALL if argument in example.ranges]
OTHERS = [(example, argument) for example, argument in ALL if argument not in example.ranges]
LATE = [
    (example, argument)
    for example in COMPONENTS
    for argument in example.arguments
    if isinstance(example.shape.declared[argument].constraint, MaybeOutput)
]


def _with(example: Example, argument: str, value: object) -> dict[str, Any]:
    return {**example.required, **example.beside.get(argument, {}), argument: value}


def _error_of(example: Example, args: Mapping[str, Any]) -> str:
    with pytest.raises(ArgumentError) as caught:
        example.shape(**args)
    return str(caught.value)


def _late_together() -> list[tuple[Example, list[str]]]:
    """Return the arguments that may be Outputs, grouped by the arguments that they make sense beside."""
    groups: dict[tuple[Example, str], list[str]] = {}
    for example, argument in LATE:
        groups.setdefault((example, repr(example.beside.get(argument, {}))), []).append(argument)
    return [(example, arguments) for (example, _), arguments in groups.items()]


class TestEachArgument:
    @pytest.mark.parametrize(("example", "argument"), RANGES)
    def test_is_bound_to_its_range(self, example: Example, argument: str) -> None:
        low, high = example.ranges[argument]

        for end in (low, high):
            assert getattr(example.shape(**_with(example, argument, end)), argument) == end
        for value in (low - 1, high + 1):
            message = _error_of(example, _with(example, argument, value))
            assert message.startswith(f"{example.title}: {argument} is {value}, but must be from {low} to {high} (")

    @pytest.mark.parametrize(("example", "argument"), OTHERS)
    def test_is_bound_to_its_constraint(self, example: Example, argument: str) -> None:
        value, fix = example.bad[argument]

        message = _error_of(example, _with(example, argument, value))

        assert message.startswith(f"{example.title}: {argument}")
        assert f", but must be {fix}" in message

    @pytest.mark.variant
    @pytest.mark.parametrize(("example", "argument"), ALL)
    def test_makes_another_deployment_with_another_value(self, example: Example, argument: str) -> None:
        beside = example.beside.get(argument, {})

        another = record(lambda: example.make(**{**beside, argument: example.other[argument]}) and None)

        assert another.comparable() != _recorded(example, beside)


@pytest.mark.parametrize("example", CHECKED)
class TestTheArgumentsOfAComponent:
    def test_are_all_known_to_the_examples(self, example: Example) -> None:
        assert set(example.other) == set(example.arguments) == {*example.ranges, *example.bad}
        assert set(example.required) == {name for name, each in example.shape.declared.items() if each.is_required}

    def test_are_checked_before_any_resource(self, example: Example) -> None:
        argument, (_, high) = next(iter(example.ranges.items()))

        assert refusal(lambda: example.make(**{argument: high + 1})).startswith(f"{example.title}: {argument} is ")

    def test_are_named_where_an_unknown_one_is_given(self, example: Example) -> None:
        message = _error_of(example, {**example.required, "colour": "blue"})

        assert message.startswith(f"{example.title}: 'colour' is not an argument")
        assert all(argument in message for argument in example.arguments)

    def test_are_named_where_one_is_misspelled(self, example: Example) -> None:
        argument = max(example.arguments, key=len)
        message = _error_of(example, {**example.required, argument.replace("_", "", 1): 1})

        assert message.endswith(f"did you mean {argument}?")

    @pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
    def test_can_all_be_at_one_end_of_their_ranges(self, example: Example, end: int) -> None:
        given = {argument: ends[end] for argument, ends in example.ranges.items()}
        if {"max_concurrency", "reserved_concurrency"} <= given.keys():
            given["max_concurrency"] = given["reserved_concurrency"]  # at most
        if "timeout_seconds" in given:
            given["timeout_seconds"] = min(given["timeout_seconds"], LONGEST_FUNCTION_SECONDS)

        assert record(lambda: example.make(**given) and None).registrations

    def test_are_left_out_by_none(self, example: Example) -> None:
        optional = dict.fromkeys(set(example.arguments) - set(example.required))

        explicit = record(lambda: example.make(**optional) and None)

        assert explicit.comparable() == _recorded(example, {})


@pytest.mark.parametrize("example", COMPONENTS)
def test_arguments_may_be_outputs_where_their_types_say_so(example: Example) -> None:
    types: dict[str, object] = {}
    for base in example.shape.__mro__:
        types |= inspect.get_annotations(base)

    assert {argument for one, argument in LATE if one is example} == {
        name
        for name in example.arguments
        if "Output" in (kind := str(types[name])) and not kind.startswith("list[")  # its items may be Outputs
    }


@pytest.mark.parametrize("given", [{}, {"table_arn": None}])
def test_a_required_argument_is_missed(given: dict[str, None]) -> None:
    args = {name: value for name, value in UPLOAD_API.required.items() if name != "table_arn"}

    assert _error_of(UPLOAD_API, {**args, **given}) == "UploadApi: table_arn is missing; give it a value."


def test_whole_floats_count_as_integers_because_other_languages_send_them() -> None:
    as_float = record(lambda: STATUS_TRACKER.make(recovery_days=7.0) and None)
    as_int = record(lambda: STATUS_TRACKER.make(recovery_days=7) and None)

    assert as_float.comparable() == as_int.comparable()


class TestProcessors:
    def test_a_processor_of_ones_own_needs_its_code(self) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor="team.process"))

        assert message.startswith("ProcessingPipeline: processor is 'team.process', but its code is missing; give ")

    @pytest.mark.parametrize("processor", [{}, {"processor": "handlers.processors.inspect.process"}])
    def test_code_of_ones_own_needs_its_processor_or_it_would_never_run(self, processor: dict[str, str]) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor_code=TEAM_CODE, **processor))

        assert "processor is 'handlers.processors.inspect.process', which is built in; name the " in message


@pytest.mark.variant
class TestSecretOutputs:
    @pytest.mark.parametrize(("example", "arguments"), _late_together())
    def test_have_the_same_outcome_as_their_values_and_stay_secret(
        self, example: Example, arguments: list[str]
    ) -> None:
        values = {argument: example.other[argument] for argument in arguments}
        beside = example.beside.get(arguments[0], {})

        def secretly() -> None:
            secret = {argument: pulumi.Output.secret(value) for argument, value in values.items()}
            example.make(**{**beside, **secret})

        late = record(secretly)

        inputs = [each.inputs for each in late.registrations]
        visible = json.dumps(without_secrets(inputs), default=str)
        firsts: list[Any] = [value[0] for value in values.values() if isinstance(value, list)]
        assert late.comparable() == _recorded(example, {**beside, **values})
        for first in firsts:
            text = first if isinstance(first, str) else first["resources"][0]
            assert text in json.dumps(plain(inputs), default=str)
            assert text not in visible

    def test_are_refused_where_the_value_decides_what_is_made(self) -> None:
        message = refusal(lambda: STATUS_TRACKER.make(recovery_days=pulumi.Output.from_input(7)))

        assert message.startswith("StatusTracker: recovery_days is an Output or a secret, but must be a plain value")

    def test_are_refused_inside_a_value_that_decides_what_is_made(self) -> None:
        message = refusal(
            lambda: PROCESSING_PIPELINE.make(processor_distributions=["packaging", pulumi.Output.from_input("pypdf")])
        )

        assert message.startswith("ProcessingPipeline: processor_distributions holds an Output or a secret")


PLAIN_LISTS: Mapping[tuple[str, str], str] = {
    ("ProcessingPipeline", "processors"): "the code of each is looked for",
    ("ProcessingPipeline", "processor_distributions"): "they are packed before anything is made",
    ("ProcessingPipeline", "step_functions_processors"): "the code of each is looked for",
    ("ProcessingPipeline", "network_endpoints"): "each names a resource",
    ("EksArgoDeploy", "admin_role_arns"): "each names a resource",
    ("EksArgoDeploy", "node_instance_types"): "no resource has them as outputs",
    ("EksArgoDeploy", "storage_drivers"): "they decide what is made",
    ("EksArgoDeploy", "argo_admin_groups"): "they are written into a policy by lines",
}
"""Lists that take no Outputs inside, and why."""


def _lists() -> list[tuple[Example, str]]:
    kinds = [
        (example, argument, example.shape.declared[argument].constraint)
        for example in COMPONENTS
        for argument in example.arguments
    ]
    return [
        (example, argument)
        for example, argument, kind in kinds
        if isinstance(kind.value if isinstance(kind, MaybeOutput) else kind, ListOf | MapsOf)
    ]


@pytest.mark.variant
class TestLists:
    def test_are_all_tried_here(self) -> None:
        assert PLAIN_LISTS.keys() < {(example.title, argument) for example, argument in _lists()}

    @each_case(("example", "argument"), _lists())
    def test_take_outputs_inside_where_another_resource_may_have_the_items(
        self, example: Example, argument: str
    ) -> None:
        beside, items = example.beside.get(argument, {}), example.other[argument]

        def lately() -> None:
            example.make(**{**beside, argument: [_late_inside(each) for each in items]})

        if (example.title, argument) in PLAIN_LISTS:
            with pytest.raises(ArgumentError, match=rf"^{example.title}: {argument} holds an Output or a secret"):
                record(lately)
        else:
            assert record(lately).comparable() == _recorded(example, {**beside, argument: items})


def _late_inside(item: Any) -> Any:
    """Return an Output of a text, or a map in which the first value, or the first item of it, is one."""
    if not isinstance(item, dict):
        return pulumi.Output.from_input(item)
    entries = cast("dict[str, Any]", item)
    key = "resources" if "resources" in entries else next(iter(entries))
    value = entries[key]
    if isinstance(value, list):
        return {**entries, key: [_late_inside(each) for each in cast("list[Any]", value)]}
    return {**entries, key: _late_inside(value)}


def _recorded(example: Example, given: Mapping[str, Any]) -> list[Any]:
    """Record the component with these arguments, once for all tests that need the same."""
    key = (example.title, repr(sorted(given.items())))
    if key not in _RECORDED:
        _RECORDED[key] = record(lambda: example.make(**given) and None).comparable()
    return _RECORDED[key]


_RECORDED: dict[tuple[str, str], list[Any]] = {}
