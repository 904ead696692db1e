"""A constraint accepts what AWS accepts, and its error names argument, value and fix. Each is proven once, here."""

import ast
import asyncio
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest

from components import arguments
from components.arguments import ArgumentError, limits
from components.arguments.constraints import Boolean, Choice, Constraint, InstanceOf, Range
from components.arguments.eks_argo_deploy import GitArgs
from local.resources.parameters import plain
from tests.support.components.examples import (
    BUCKET,
    CIDRS,
    COMPONENTS,
    KMS_KEY_ARN,
    NAME,
    TABLE,
    UPLOAD_API,
    USER_POOL_ARN,
    VPC_IDS,
)
from tests.support.components.recording import record, refusal

BUCKET_NAME, BUCKET_ARN = BUCKET.values()
TABLE_NAME, TABLE_ARN = TABLE.values()

NUMBERS = Range(2, 9, "a limit of somebody")
SCALARS: dict[str, tuple[Constraint, list[object], list[object]]] = {
    "range": (NUMBERS, [2, 9, 7.0], [1, 10, "5", 2.5, True, [5], None, float("inf"), float("nan")]),
    "choice of texts": (limits.LOG_LEVEL, ["DEBUG", "FATAL"], ["TRACE", "info", "", 3, True, ["INFO"]]),
    "choice of numbers": (Choice((1, 3, 5), "a list"), [1, 5], [0, 2, 10_000, "3", 3.5, True]),
    "boolean": (Boolean(), [True, False], ["true", 1, [], None]),
    "instance": (InstanceOf(dict, "a dict"), [{}], ["", [], None]),
    "kms_key_arn": (
        limits.KMS_KEY_ARN,
        [KMS_KEY_ARN, KMS_KEY_ARN.replace("aws", "aws-cn", 1)],
        [
            "",
            "alias/mine",
            "arn:aws:kms:us-east-1:123456789012:alias/mine",
            KMS_KEY_ARN.rpartition("/")[2],
            BUCKET_ARN,
            f"{KMS_KEY_ARN} ",
            f"{KMS_KEY_ARN}\n",
            f"{KMS_KEY_ARN}0",
            "arn:aws:kms:us-east-1:123456789012:key/mine",
            KMS_KEY_ARN.replace("us-east-1", "us"),
            3,
        ],
    ),
    "user_pool_arn": (
        limits.USER_POOL_ARN,
        [USER_POOL_ARN],
        ["", "eu-central-1_AbCdEf123", KMS_KEY_ARN, f"{USER_POOL_ARN}\n", 3],
    ),
    "table_name": (limits.TABLE_NAME, [TABLE_NAME], ["", TABLE_ARN, "my table", "the-table\n", 3]),
    "table_arn": (limits.TABLE_ARN, [TABLE_ARN], ["", TABLE_NAME, BUCKET_ARN, f"{TABLE_ARN}/index/open", 3]),
    "bucket_name": (
        limits.BUCKET_NAME,
        [BUCKET_NAME, "a.b-3"],
        [
            *("", BUCKET_ARN, "The-Bucket", "the-bucket/uploads", 3, "a..b", "192.0.2.1", "xn--bucket"),
            *("the-bucket-s3alias", "the-bucket--x-s3"),
        ],
    ),
    "bucket_arn": (limits.BUCKET_ARN, [BUCKET_ARN], ["", BUCKET_NAME, TABLE_ARN, f"{BUCKET_ARN}/*", 3]),
    "role_name": (
        limits.ROLE_NAME,
        ["the-reader"],
        ["", "arn:aws:iam::123456789012:role/the-reader", "the reader", 3],
    ),
    "handler": (
        limits.HANDLER,
        ["module.function", "package.module.function"],
        ["", "process", "module.", "a-b.process", ".process", "handlers..process", "handlers.x.process\n", 3],
    ),
}
LISTS: dict[str, tuple[Constraint, list[object], list[object]]] = {
    "content_types": (
        limits.CONTENT_TYPES,
        ["application/pdf", "image/*"],
        ["", "image", "*", "*/*", "*/png", "image/", "text/csv; charset=utf-8", "a/b,c/d", "a/b\n", 3],
    ),
    "cidrs": (
        limits.CIDRS,
        [*CIDRS],
        [
            "",
            "203.0.113.0",
            "203.0.113.0/33",
            "203.0.113.0/255.255.255.0",
            "203.0.113.256/24",
            "2001:db8::/129",
            "2001:db8::/32 ",
            "anywhere",
            3,
        ],
    ),
    "vpc_ids": (
        limits.VPC_IDS,
        [*VPC_IDS, "vpc-0a1b2c3d"],
        ["", "vpc-", "vpc-1", "vpc-0A1B2C3D", "vpce-0a1b2c3d", "0a1b2c3d", "vpc-0a1b2c3d\n", "vpc-0a1b2c3d4", 3],
    ),
    "subnet_ids": (limits.SUBNET_IDS, ["subnet-00000001"], ["subnet-1", "subnet-0a1b2c3d4e5f6071", "vpc-0a1b2c3d"]),
    "security_group_ids": (limits.SECURITY_GROUP_IDS, ["sg-00000001"], ["sg-1", "sg-0a1b2c3d4e5f607180"]),
    "distributions": (limits.DISTRIBUTIONS, ["pypdf"], ["", "-x", "a b", 3]),
    "origins": (
        limits.ORIGINS,
        ["*", "https://xn--bcher-kva.example", "http://127.0.0.1:1", "http://my_pc:65535", "https://a.example."],
        ["https://app.example.com' + evil + '", "https://app.example.com\n", 3],
    ),
}
ORIGINS_BY_BROWSERS = {
    "https://App.Example.com": "https://app.example.com",
    "HTTPS://app.example.com": "https://app.example.com",
    "https://app.example.com:443": "https://app.example.com",
    "http://app.example.com:80": "http://app.example.com",
    "http://localhost:08000": "http://localhost:8000",
    "https://app.example.com/": "https://app.example.com",
    "https://app.example.com/page?q=1#top": "https://app.example.com",
    "https://user:word@app.example.com": "https://app.example.com",
    "app.example.com": "https://app.example.com",
    "https://bücher.example": "https://xn--bcher-kva.example",
    "http://127.1": None,
    "localhost:8000": None,
    "https://straße.example": None,
    "https://app.example.com:99999": None,
    "https://app.example.com:0": None,
    "https://app.example.com:port": None,
    "https://*.example.com": None,
    "https://app..example.com": None,
    "https://": None,
    "http://[::1": None,
    "null": None,
    "ftp://app.example.com": None,
    "": None,
}
"""Other spellings of origins, and the one that browsers send, if there is one (WHATWG URL standard)."""


def error_of(constraint: Constraint, value: object) -> str:
    """What the error says; empty if the value is accepted."""
    try:
        constraint.check("x", value)
    except ArgumentError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("constraint", "good", "bad"), SCALARS.values(), ids=SCALARS)
def test_a_constraint_accepts_good_values_and_names_bad_ones(
    constraint: Constraint, good: list[object], bad: list[object]
) -> None:
    assert [constraint.check("x", value) for value in good] == good
    for value in bad:
        assert error_of(constraint, value).startswith(f"x is {value!r}, but must be ")


@pytest.mark.parametrize(("constraint", "good", "bad"), LISTS.values(), ids=LISTS)
def test_a_list_names_the_bad_item(constraint: Constraint, good: list[object], bad: list[object]) -> None:
    assert constraint.check("x", good) == good
    errors = {str(value): error_of(constraint, [*good, value]) for value in bad}
    assert [
        value for value in bad if not errors[str(value)].startswith(f"x[{len(good)}] is {value!r}, but must be ")
    ] == []
    assert error_of(constraint, good[0]).startswith(f"x is {good[0]!r}, but must be a list")


def damaged(value: Any, character: str) -> Iterator[Any]:
    """Yield the value with the character in one of its texts."""
    if isinstance(value, str):
        yield f"{value[:-1]}{character}{value[-1:]}"
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for index, item in enumerate(items):
            yield from ([*items[:index], each, *items[index + 1 :]] for each in damaged(item, character))
    elif isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        for key, item in entries.items():
            yield from ({**entries, key: each} for each in damaged(item, character))
            for name in damaged(key, character):
                yield {name if each == key else each: entries[each] for each in entries}


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b", "\x7f", "\x85", "\x9f", "\ud800", "\ufffe"])
def test_no_argument_takes_a_character_that_yaml_xml_or_utf_8_cannot_hold(character: str) -> None:
    taken = [
        f"{example.title}.{name}: {value!r}"
        for example in COMPONENTS
        if not is_dataclass(example.shape)
        for name, given in example.other.items()
        for value in damaged(given, character)
        if not error_of(example.shape.declared[name].constraint, value)
    ]

    assert taken == []


@pytest.mark.parametrize("character", ["\t", "\n", "\r"])
def test_only_variables_and_json_take_tabs_and_line_breaks(character: str) -> None:
    taken = {
        name
        for example in COMPONENTS
        if not is_dataclass(example.shape)
        for name, given in example.other.items()
        for value in damaged(given, character)
        if not error_of(example.shape.declared[name].constraint, value)
    }

    assert taken == {"processor_environment", "worker_environment", "worker_policy"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "git_path",
            ["gitops", "gitops/overlays/dev", ".gitops/..dev/a.b", "a/...", "-a"],
            [
                "",
                "/gitops",
                "gitops/",
                "a//b",
                "..",
                ".",
                "../a",
                "a/../b",
                "a/..",
                "./a",
                "a/.",
                "a/./b",
                "a\\b",
                "a b",
            ],
        ),
        (
            "git_revision",
            ["main", "v1.2.3", "feature/a.b-c", "0f5e2f0c"],
            ["", "-a", ".a", "a..b", "a/", "a//b", "a.", "a/.b", "a.lock", "a.lock/b", "a b", "a~1", "a@{1}"],
        ),
    ],
)
def test_a_place_in_git_is_one_that_git_can_have(name: str, good: list[str], bad: list[str]) -> None:
    constraint = GitArgs.declared[name].constraint

    assert [value for value in good if error_of(constraint, value)] == []
    assert [value for value in bad if not error_of(constraint, value)] == []


def test_a_number_outside_of_its_range_is_refused_with_limits_and_source() -> None:
    for value in (1, 10):
        assert error_of(NUMBERS, value) == f"x is {value}, but must be from 2 to 9 (a limit of somebody)."


def test_an_address_instead_of_a_network_is_refused_with_both_that_could_be_meant() -> None:
    for cidr, network, host in (
        ("203.0.113.7/24", "203.0.113.0/24", "/32"),
        ("2001:DB8::1/64", "2001:db8::/64", "/128"),
    ):
        assert error_of(limits.CIDRS, [cidr]) == f"x[0] is '{cidr}', but must be {network}, or end in {host}."


def test_an_origin_that_can_never_match_is_refused_with_the_one_that_browsers_send() -> None:
    for origin, sent in ORIGINS_BY_BROWSERS.items():
        fix = f"{sent}, as browsers send it." if sent else "an origin such as https://app.example.com "
        assert error_of(limits.ORIGINS, [origin]).startswith(f"x[0] is {origin!r}, but must be {fix}")


Late = Callable[[list[str]], object]


def _late_items(items: list[str]) -> list[pulumi.Output[str]]:
    return [pulumi.Output.from_input(item) for item in items]


LATE_LISTS: Any = pytest.mark.parametrize("late", [pulumi.Output.from_input, _late_items], ids=["list", "items"])


class TestOutputs:
    """They are checked when they resolve."""

    @pytest.mark.parametrize("value", ["a-name", "", None])
    def test_a_bad_value_is_refused_by_name(self, value: object) -> None:
        error = late_error(lambda: limits.TABLE_ARN.check("x", pulumi.Output.from_input(value)))

        assert error.startswith(f"x is {value!r}, but must be ")

    def test_a_coroutine_is_awaited_and_checked_too(self) -> None:
        async def named() -> str:
            return "a-name"

        error = late_error(lambda: UPLOAD_API.make(kms_key_arn=named()))

        assert error.startswith("UploadApi: kms_key_arn is 'a-name', but must be ")

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


class TestListsOfOutputs:
    LIMIT = limits.VPC_IDS

    def check(self, make: Callable[[], object]) -> Any:
        """Let the program make the value, since an Output needs its event loop, and return what comes of it."""
        return record(lambda: {"ids": self.LIMIT.check("ids", make())}).outputs["ids"]

    def test_known_items_are_checked_at_once(self) -> None:
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


def late_error(make: Callable[[], object]) -> str:
    """What the ArgumentError says that ends the program when its Outputs are known."""

    def program() -> None:
        make()

    with pytest.raises(ArgumentError) as caught:
        record(program)
    return str(caught.value)


class TestTheCliPrintsTheMessageAlone:
    def test_because_components_raise_run_errors_that_are_no_value_errors(self) -> None:
        """Otherwise the SDK wraps what is raised inside `apply`, and the CLI prints a traceback."""
        assert issubclass(ArgumentError, pulumi.RunError)
        assert not issubclass(ArgumentError, ValueError | AssertionError)

    def test_and_no_component_raises_another_error(self) -> None:
        raised = {
            ast.unparse(each.exc).partition("(")[0]
            for module in Path(arguments.__file__).parent.glob("*.py")
            for each in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(each, ast.Raise) and each.exc is not None
        }

        assert raised == {"ArgumentError"}
