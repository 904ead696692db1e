"""What a component is given is checked whole, before anything is made of it."""

from functools import cache
from typing import Any

import pulumi
import pytest

from tests.unit.components.examples import (
    ALL,
    COMPONENTS,
    LAMBDA_FUNCTION,
    PROCESSING_PIPELINE,
    SESSION_KEY,
    STATUS_TRACKER,
    TEAM_CODE,
    UPLOAD_API,
    Example,
)
from tests.unit.components.recording import record, refusal

CHECKED = (*COMPONENTS, LAMBDA_FUNCTION, SESSION_KEY)


def _case(example: Example, argument: str, value: object) -> Any:
    return pytest.param(example, argument, value, id=f"{example.title}-{argument}-{value!r}")


OUT_OF_RANGE = [
    _case(example, argument, value)
    for example in CHECKED
    for argument, (low, high) in example.ranges.items()
    for value in (low - 1, high + 1)
]
OF_THE_WRONG_TYPE = [
    _case(example, argument, value)
    for example in CHECKED
    for argument in (*example.ranges, *example.flags)
    for value in (("1", 1.5, True, [1]) if argument in example.ranges else ("true", 1, []))
]
OTHERWISE_BAD = [
    _case(example, argument, value)
    for example in CHECKED
    for argument, values in example.bad.items()
    for value in values
]
LISTS = ("allowed_origins", "allowed_content_types", "allowed_source_cidrs", "allowed_source_vpc_ids")
REQUIRED = [(example, argument) for example in ALL for argument in example.required]

INPUTS = {
    "table_name",
    "table_arn",
    "bucket_name",
    "bucket_arn",
    "kms_key_arn",
    "user_pool_arn",
    "result_reader_role_name",
}
"""What other resources give, whose names are known when they are made."""
LATE = [(example, argument) for example in COMPONENTS for argument in example.other if argument in INPUTS]
NEVER_LATE = [(example, argument) for example in COMPONENTS for argument in example.other if argument not in INPUTS]


class TestBadArgumentsAreRefusedByNameAndBeforeAnyResource:
    @pytest.mark.parametrize(("example", "argument", "value"), OUT_OF_RANGE)
    def test_a_number_out_of_range_is_refused_with_the_range(self, example: Example, argument: str, value: int) -> None:
        low, high = example.ranges[argument]

        message = refusal(lambda: example.make(**{argument: value}))

        assert message.startswith(f"{example.title}: {argument} is {value}, but must be from {low} to {high}")

    @pytest.mark.parametrize(("example", "argument", "value"), OF_THE_WRONG_TYPE)
    def test_a_value_of_the_wrong_type_is_refused_with_the_right_one(
        self, example: Example, argument: str, value: object
    ) -> None:
        fix = (
            "must be true or false"
            if argument in example.flags
            else "must be a whole number from {} to {}".format(*example.ranges[argument])
        )

        message = refusal(lambda: example.make(**{argument: value}))

        assert message.startswith(f"{example.title}: {argument} is {value!r}, but {fix}")

    @pytest.mark.parametrize(("example", "argument", "value"), OTHERWISE_BAD)
    def test_any_other_bad_value_is_refused_with_what_it_must_be(
        self, example: Example, argument: str, value: Any
    ) -> None:
        is_list = argument in LISTS and not isinstance(value, str)
        worst = value[-1] if is_list else value

        message = refusal(lambda: example.make(**{argument: value}))

        assert message.startswith(f"{example.title}: {argument}")
        assert f"is {worst!r}, but must be " in message

    @pytest.mark.parametrize(
        ("cidr", "network", "host"),
        [("203.0.113.7/24", "203.0.113.0/24", "/32"), ("2001:DB8::1/64", "2001:db8::/64", "/128")],
    )
    def test_an_address_in_the_place_of_a_network_is_refused_with_both_that_could_be_meant(
        self, cidr: str, network: str, host: str
    ) -> None:
        message = refusal(lambda: UPLOAD_API.make(allowed_source_cidrs=[cidr]))

        assert message == f"UploadApi: allowed_source_cidrs[0] is '{cidr}', but must be {network}, or end in {host}."

    @pytest.mark.parametrize("value", [float("inf"), float("nan")])
    def test_a_number_without_a_whole_part_is_refused(self, value: float) -> None:
        assert "recovery_days is" in refusal(lambda: STATUS_TRACKER.make(recovery_days=value))

    @pytest.mark.parametrize("example", ALL)
    def test_an_unknown_argument_is_refused_with_those_there_are(self, example: Example) -> None:
        message = refusal(lambda: example.make(colour="blue"))

        assert message.startswith(f"{example.title}: colour is not an argument")
        assert all(argument in message for argument in example.shape.__annotations__)

    @pytest.mark.parametrize("given_as", ["left out", "none"])
    @pytest.mark.parametrize(("example", "argument"), REQUIRED)
    def test_a_required_argument_is_missed(self, example: Example, argument: str, given_as: str) -> None:
        args = {**example.required, argument: None}
        if given_as == "left out":
            del args[argument]

        message = refusal(lambda: example.component("example", args))

        assert message == f"{example.title}: {argument} is missing; give it a value."

    def test_a_processor_of_ones_own_needs_its_code(self) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor="team.process"))

        assert message.startswith("ProcessingPipeline: processor is 'team.process', but its code is missing; give ")

    @pytest.mark.parametrize("processor", [{}, {"processor": "handlers.processors.inspect.process"}])
    def test_code_of_ones_own_needs_its_processor_or_it_would_never_run(self, processor: dict[str, str]) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor_code=TEAM_CODE, **processor))

        assert "processor is 'handlers.processors.inspect.process', which is built in; name the " in message


class TestGoodArgumentsAreTaken:
    @pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
    @pytest.mark.parametrize("example", CHECKED)
    def test_both_ends_of_every_range_can_be_had(self, example: Example, end: int) -> None:
        at_the_end = {argument: ends[end] for argument, ends in example.ranges.items()}

        assert record(lambda: example.make(**at_the_end) and None).registrations

    def test_whole_floats_count_as_integers_because_other_languages_send_them(self) -> None:
        as_float = record(lambda: STATUS_TRACKER.make(recovery_days=7.0) and None)
        as_int = record(lambda: STATUS_TRACKER.make(recovery_days=7) and None)

        assert as_float.comparable() == as_int.comparable()

    @pytest.mark.parametrize("example", CHECKED)
    def test_none_means_left_out(self, example: Example) -> None:
        optional = dict.fromkeys(set(example.shape.__annotations__) - set(example.required))

        explicit = record(lambda: example.make(**optional) and None)

        assert explicit.comparable() == record(lambda: example.make() and None).comparable()


class TestWhatIsKnownLate:
    @pytest.mark.parametrize(("example", "argument"), LATE)
    def test_can_be_given_as_an_output_with_the_same_outcome(self, example: Example, argument: str) -> None:
        value = example.other[argument]

        late = record(lambda: example.make(**{argument: pulumi.Output.from_input(value)}) and None)

        assert late.comparable() == record(lambda: example.make(**{argument: value}) and None).comparable()

    @pytest.mark.parametrize(("example", "argument"), NEVER_LATE)
    def test_is_refused_where_it_decides_what_is_made(self, example: Example, argument: str) -> None:
        value = example.other[argument]

        message = refusal(lambda: example.make(**{argument: pulumi.Output.from_input(value)}))

        assert message.startswith(f"{example.title}: {argument} is <pulumi.output.Output ")

    def test_is_refused_in_a_list_that_decides_what_is_made(self) -> None:
        origin = "https://app.example.com"

        message = refusal(lambda: UPLOAD_API.make(allowed_origins=[pulumi.Output.from_input(origin)]))

        assert message.startswith("UploadApi: allowed_origins[0] is <pulumi.output.Output ")


class TestEveryArgumentDoesSomething:
    @pytest.mark.parametrize("example", ALL)
    def test_the_examples_know_every_argument(self, example: Example) -> None:
        assert example.other.keys() == example.shape.__annotations__.keys()
        assert example.required.keys() == example.shape.__required_keys__

    @pytest.mark.parametrize("example", CHECKED)
    def test_the_examples_know_what_every_argument_must_refuse(self, example: Example) -> None:
        assert {*example.ranges, *example.flags, *example.bad} == example.shape.__annotations__.keys()

    @pytest.mark.parametrize(
        ("example", "argument"), [(example, argument) for example in ALL for argument in example.other]
    )
    def test_another_value_makes_another_deployment(self, example: Example, argument: str) -> None:
        beside = example.beside.get(argument, {})
        one = record(lambda: example.make(**beside) and None).comparable() if beside else _by_default(example)

        other = record(lambda: example.make(**{**beside, argument: example.other[argument]}) and None)

        assert other.comparable() != one


@cache
def _by_default(example: Example) -> list[Any]:
    return record(lambda: example.make() and None).comparable()
