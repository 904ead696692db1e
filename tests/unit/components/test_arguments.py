"""What a component is given is checked whole, before anything is made of it."""

import ast
import asyncio
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components import arguments
from components.arguments import ArgumentError, limits
from local.resources.parameters import plain
from tests.support.components.examples import (
    ALL,
    COMPONENTS,
    LAMBDA_FUNCTION,
    NAME,
    OTHER_ORIGINS,
    PROCESSING_PIPELINE,
    STATUS_TRACKER,
    TABLE,
    TEAM_CODE,
    UPLOAD_API,
    VPC_IDS,
    Example,
)
from tests.support.components.recording import record, refusal, without_secrets

CHECKED = (*COMPONENTS, LAMBDA_FUNCTION)


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
LISTS = (
    "processor_distributions",
    "allowed_origins",
    "allowed_content_types",
    "allowed_source_cidrs",
    "allowed_source_vpc_ids",
)
REQUIRED = [(example, argument) for example in CHECKED for argument in example.required]

INPUTS = {
    "processor_environment",
    "processor_statements",
    "table_name",
    "table_arn",
    "bucket_name",
    "bucket_arn",
    "kms_key_arn",
    "user_pool_arn",
    "result_reader_role_name",
}
"""Outputs of other resources: their names are known when they are made."""
LATE_AND_BAD = [
    _case(example, argument, value)
    for example in CHECKED
    for argument, values in example.bad.items()
    if argument in INPUTS
    for value in (values[0], None)
]
"""One bad value each: what else its limit refuses is the same whenever it is known."""
LATE = [(example, argument) for example in COMPONENTS for argument in example.other if argument in INPUTS]
LATE_LISTS_OF = LISTS[1:]
LISTED = [(example, argument) for example in COMPONENTS for argument in example.other if argument in LATE_LISTS_OF]
NEVER_LATE = [
    (example, argument)
    for example in COMPONENTS
    for argument in example.other
    if argument not in {*INPUTS, *LATE_LISTS_OF}
]


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

    @pytest.mark.parametrize(("origin", "sent"), OTHER_ORIGINS.items())
    def test_an_origin_that_can_never_match_is_refused_with_the_one_that_browsers_send(
        self, origin: str, sent: str | None
    ) -> None:
        fix = f"{sent}, as browsers send it." if sent else "an origin such as https://app.example.com "

        message = refusal(lambda: UPLOAD_API.make(allowed_origins=[origin]))

        assert message.startswith(f"UploadApi: allowed_origins[0] is {origin!r}, but must be {fix}")

    @pytest.mark.parametrize(
        "origin",
        ["*", "https://xn--bcher-kva.example", "http://127.0.0.1:1", "http://my_pc:65535", "https://a.example."],
    )
    def test_an_origin_as_browsers_send_it_is_taken(self, origin: str) -> None:
        assert limits.ORIGINS.check("origins", [origin]) == [origin]

    @pytest.mark.parametrize("value", [float("inf"), float("nan")])
    def test_a_number_without_a_whole_part_is_refused(self, value: float) -> None:
        assert "recovery_days is" in refusal(lambda: STATUS_TRACKER.make(recovery_days=value))

    @pytest.mark.parametrize("example", CHECKED)
    def test_an_unknown_argument_is_refused_with_those_there_are(self, example: Example) -> None:
        message = refusal(lambda: example.make(colour="blue"))

        assert message.startswith(f"{example.title}: colour is not an argument")
        assert all(argument in message for argument in example.arguments)

    @pytest.mark.parametrize("given_as", ["left out", "none"])
    @pytest.mark.parametrize(("example", "argument"), REQUIRED)
    def test_a_required_argument_is_missed(self, example: Example, argument: str, given_as: str) -> None:
        args = {**example.required, argument: None}
        if given_as == "left out":
            del args[argument]

        message = refusal(lambda: example.create("example", args))

        assert message == f"{example.title}: {argument} is missing; give it a value."

    def test_a_processor_of_ones_own_needs_its_code(self) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor="team.process"))

        assert message.startswith("ProcessingPipeline: processor is 'team.process', but its code is missing; give ")

    @pytest.mark.parametrize("processor", [{}, {"processor": "handlers.processors.inspect.process"}])
    def test_code_of_ones_own_needs_its_processor_or_it_would_never_run(self, processor: dict[str, str]) -> None:
        message = refusal(lambda: PROCESSING_PIPELINE.make(processor_code=TEAM_CODE, **processor))

        assert "processor is 'handlers.processors.inspect.process', which is built in; name the " in message


class TestGoodArgumentsAreTaken:
    @pytest.mark.parametrize(
        ("example", "argument", "value"),
        [
            _case(example, argument, value)
            for example in CHECKED
            for argument, ends in example.ranges.items()
            for value in ends
        ],
    )
    def test_each_end_of_every_range_passes_all_checks(
        self, monkeypatch: pytest.MonkeyPatch, example: Example, argument: str, value: int
    ) -> None:
        """Each alone: together they may contradict each other. Checks come first, so the first resource ends it."""
        is_making = RuntimeError("all checks are passed")

        def make(*_: object, **__: object) -> None:
            raise is_making

        monkeypatch.setattr(pulumi.ComponentResource, "__init__", make)
        with pytest.raises(RuntimeError) as caught:
            record(lambda: example.make(**{argument: value}))
        assert caught.value is is_making

    @pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
    @pytest.mark.parametrize("example", CHECKED)
    def test_all_can_be_made_at_both_ends_of_their_ranges(self, example: Example, end: int) -> None:
        given = {argument: ends[end] for argument, ends in example.ranges.items()}
        if {"max_concurrency", "reserved_concurrency"} <= given.keys():
            given["max_concurrency"] = given["reserved_concurrency"]  # at most

        assert record(lambda: example.make(**given) and None).registrations

    def test_whole_floats_count_as_integers_because_other_languages_send_them(self) -> None:
        as_float = record(lambda: STATUS_TRACKER.make(recovery_days=7.0) and None)
        as_int = record(lambda: STATUS_TRACKER.make(recovery_days=7) and None)

        assert as_float.comparable() == as_int.comparable()

    @pytest.mark.parametrize("example", CHECKED)
    def test_none_means_left_out(self, example: Example) -> None:
        optional = dict.fromkeys(set(example.arguments) - set(example.required))

        explicit = record(lambda: example.make(**optional) and None)

        assert explicit.comparable() == _by_default(example)


def _make(example: Example, argument: str, value: object) -> pulumi.ComponentResource:
    return example.make(**{**example.beside.get(argument, {}), argument: value})


class TestWhatIsKnownLate:
    @pytest.mark.parametrize(("example", "argument"), [*LATE, *LISTED])
    def test_can_be_given_as_an_output_with_the_same_outcome(self, example: Example, argument: str) -> None:
        value = example.other[argument]

        late = record(lambda: _make(example, argument, pulumi.Output.from_input(value)) and None)

        assert late.comparable() == _with_another(example, argument)

    @pytest.mark.parametrize(("example", "argument"), NEVER_LATE)
    def test_is_refused_where_it_decides_what_is_made(self, example: Example, argument: str) -> None:
        value = example.other[argument]

        message = refusal(lambda: _make(example, argument, pulumi.Output.from_input(value)))

        assert message.startswith(f"{example.title}: {argument} is <pulumi.output.Output ")

    @pytest.mark.parametrize(("example", "argument"), LISTED)
    def test_can_be_an_item_of_a_list_with_the_same_outcome(self, example: Example, argument: str) -> None:
        known, *others = example.other[argument]

        late = record(lambda: example.make(**{argument: [pulumi.Output.from_input(known), *others]}) and None)

        assert late.comparable() == _with_another(example, argument)

    @pytest.mark.parametrize(("example", "argument"), LISTED)
    def test_stays_secret_in_all_that_derives_from_it(self, example: Example, argument: str) -> None:
        value = example.other[argument]

        recording = record(lambda: example.make(**{argument: pulumi.Output.secret(value)}) and None)

        inputs = [each.inputs for each in recording.registrations]
        assert value[0] in json.dumps(plain(inputs), default=str)
        assert value[0] not in json.dumps(without_secrets(inputs), default=str)


class TestWhatIsKnownLateIsCheckedThen:
    @pytest.mark.parametrize(("example", "argument", "value"), LATE_AND_BAD)
    def test_a_bad_value_is_refused_by_name(self, example: Example, argument: str, value: object) -> None:
        error = late_error(lambda: _make(example, argument, pulumi.Output.from_input(value)))

        assert error.startswith(f"{example.title}: {argument} is {value!r}, but must be ")

    @pytest.mark.parametrize("argument", ["table_arn", "kms_key_arn"])
    def test_a_coroutine_is_awaited_once_and_checked_too(self, argument: str) -> None:
        async def named() -> str:
            return "a-name"

        error = late_error(lambda: UPLOAD_API.make(**{argument: named()}))

        assert error.startswith(f"UploadApi: {argument} is 'a-name', but must be ")

    def test_a_secret_is_not_shown(self) -> None:
        error = late_error(lambda: UPLOAD_API.make(table_arn=pulumi.Output.secret("hush")))

        assert error.startswith("UploadApi: table_arn is [secret], but must be the ARN of a DynamoDB table")
        assert "hush" not in error

    def test_a_secret_stays_one_and_what_it_came_from_is_waited_for(self) -> None:
        def program() -> None:
            log = aws.cloudwatch.LogGroup("log")
            arn = log.arn.apply(lambda _: TABLE["table_arn"])
            UPLOAD_API.make(table_arn=pulumi.Output.secret(arn))

        recording = record(program)
        policy = recording.only(aws.iam.RolePolicy, f"{NAME}-list-uploads-policy")

        assert TABLE["table_arn"] in plain(policy.inputs["policy"])
        assert policy.inputs["policy"] != plain(policy.inputs["policy"]), "it is no secret any more"
        assert recording.only(aws.cloudwatch.LogGroup, "log").urn in policy.options.depends_on

    def test_a_value_that_a_preview_does_not_know_passes(self) -> None:
        async def checked() -> bool:
            value, is_known = asyncio.Future[str](), asyncio.Future[bool]()
            value.set_result("not known yet")
            is_known.set_result(False)
            output = pulumi.Output(set(), value, is_known)
            return await limits.TABLE_ARN.check("table_arn", output).is_known()

        assert asyncio.run(checked()) is False


Late = Callable[[list[str]], object]


def _late_items(items: list[str]) -> list[pulumi.Output[str]]:
    return [pulumi.Output.from_input(item) for item in items]


LATE_LISTS: Any = pytest.mark.parametrize("late", [pulumi.Output.from_input, _late_items], ids=["list", "items"])


class TestLists:
    """Of values that may be known late."""

    LIMIT = limits.VPC_IDS

    def check(self, make: Callable[[], object]) -> Any:
        """Let the program make the value, since an Output needs its event loop, and return what comes of it."""
        return record(lambda: {"ids": self.LIMIT.check("ids", make())}).outputs["ids"]

    def test_known_items_are_checked_at_once(self) -> None:
        assert self.LIMIT.check("ids", VPC_IDS) == VPC_IDS
        assert refusal(lambda: self.LIMIT.check("ids", [pulumi.Output.from_input(VPC_IDS[0]), "vpc"])).startswith(
            "ids[1] is 'vpc', but must be the id of a VPC"
        )

    @LATE_LISTS
    def test_late_ones_come_out_as_they_were(self, late: Late) -> None:
        assert self.check(lambda: late(VPC_IDS)) == VPC_IDS

    @LATE_LISTS
    def test_late_ones_are_checked_when_they_are_known(self, late: Late) -> None:
        with pytest.raises(ArgumentError, match=r"^ids\[1\] is 'vpc', but must be the id of a VPC"):
            self.check(lambda: late([*VPC_IDS, "vpc"]))

    def test_a_late_one_is_not_empty_since_something_is_made_for_its_items(self) -> None:
        with pytest.raises(ArgumentError, match=r"^ids is empty, .* leave it out"):
            self.check(lambda: pulumi.Output.from_input([]))

    def test_a_secret_one_is_not_shown(self) -> None:
        with pytest.raises(ArgumentError, match=r"^ids is \[secret\], but must be a list, each item the id of a VPC"):
            self.check(lambda: pulumi.Output.secret(["hush"]))


class TestEveryArgumentDoesSomething:
    @pytest.mark.parametrize("example", CHECKED)
    def test_the_examples_know_every_argument(self, example: Example) -> None:
        assert set(example.other) == set(example.arguments)
        assert set(example.required) == {name for name, each in example.shape.declared.items() if each.is_required}

    @pytest.mark.parametrize("example", CHECKED)
    def test_the_examples_know_what_every_argument_must_refuse(self, example: Example) -> None:
        assert {*example.ranges, *example.flags, *example.bad} == set(example.arguments)

    @pytest.mark.parametrize(
        ("example", "argument"), [(example, argument) for example in ALL for argument in example.other]
    )
    def test_another_value_makes_another_deployment(self, example: Example, argument: str) -> None:
        beside = example.beside.get(argument, {})
        one = record(lambda: example.make(**beside) and None).comparable() if beside else _by_default(example)

        assert _with_another(example, argument) != one


def late_error(make: Callable[[], object]) -> str:
    """What the ArgumentError says that ends the program when its Outputs are known."""

    def program() -> None:
        make()

    with pytest.raises(ArgumentError) as caught:
        record(program)
    return str(caught.value)


@cache
def _by_default(example: Example) -> list[Any]:
    return record(lambda: example.make() and None).comparable()


@cache
def _with_another(example: Example, argument: str) -> list[Any]:
    given = {**example.beside.get(argument, {}), argument: example.other[argument]}
    return record(lambda: example.make(**given) and None).comparable()


class TestTheCliPrintsTheMessageAlone:
    def test_because_components_raise_run_errors_that_are_no_value_errors(self) -> None:
        """Otherwise the SDK wraps what is raised inside `apply`, and the CLI prints a traceback."""
        assert issubclass(ArgumentError, pulumi.RunError)
        assert not issubclass(ArgumentError, ValueError | AssertionError)

    @pytest.mark.parametrize("module", sorted(Path(arguments.__file__).parent.glob("*.py")), ids=lambda path: path.name)
    def test_and_no_component_raises_another_error(self, module: Path) -> None:
        raised = {
            ast.unparse(each.exc).partition("(")[0]
            for each in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(each, ast.Raise) and each.exc is not None
        }

        assert raised <= {"ArgumentError"}
