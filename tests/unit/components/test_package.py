"""Programs in every Pulumi language get the components that a Python program makes."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import grpc
import pulumi
import pytest
from google.protobuf import struct_pb2
from pulumi.provider.experimental.util import camel_case
from pulumi.runtime import rpc
from pulumi.runtime.proto import errors_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from components.arguments import ArgumentError
from components.package import COMPONENTS, PackageProvider, arguments_of, package
from generate import SCHEMA_JSON
from local.engine.built_in.monitor import Monitor
from local.engine.built_in.program import Registration
from tests.support.components import examples
from tests.support.components.examples import KMS_KEY_ARN, NAME, Example
from tests.support.components.package_host import construct, plugin, wire
from tests.support.components.recording import FakeAws, record, rendered
from tests.support.each_case import each_case

pytestmark = pytest.mark.variant

SCHEMA: dict[str, Any] = json.loads(SCHEMA_JSON.read_text(encoding="utf-8"))
NEEDED = {
    "EksArgoDeploy": {
        *("gitRepositoryUrl", "imageRepositoryUrl", "queueArn", "queueUrl", "workerEnvironment", "workerPolicy"),
    },
    "UploadApi": {"tableArn", "tableName"},
    "StatusTracker": set[str](),
    "ProcessingPipeline": {"bucketArn", "bucketName", "tableArn", "tableName"},
}
"""Inputs that can have no default: what another component makes, and the address of a repository."""
TOKENS = {example.title: f"portage:index:{example.title}" for example in examples.COMPONENTS}


SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How the wire marks a secret."""


@cache
def provider() -> PackageProvider:
    return package()


def comparable(registrations: Sequence[Registration]) -> list[Any]:
    """What the engine would compare with the state, with what is secret, in a form that equals itself."""
    parents = {each.urn: each.name for each in registrations}
    return sorted(
        [
            *(each.type, each.name, parents.get(each.parent), rendered(each.inputs)),
            # A host has False where the SDK leaves it to the engine; both mean the same.
            *(bool(each.options.protect), bool(each.options.retain_on_delete), each.options.delete_before_replace),
        ]
        for each in registrations
    )


class TestTheSchema:
    def test_has_each_public_component(self) -> None:
        assert {each.__name__ for each in COMPONENTS} == TOKENS.keys()
        assert SCHEMA["resources"].keys() == set(TOKENS.values())

    def test_is_the_one_in_docs(self) -> None:
        assert json.loads(provider().schema or "") == SCHEMA, "If this is intended, run `make generate`."

    @pytest.mark.parametrize("component", TOKENS)
    def test_needs_no_input_that_has_a_default(self, component: str) -> None:
        assert set(SCHEMA["resources"][TOKENS[component]]["requiredInputs"]) == NEEDED[component]

    def test_describes_everything_on_one_line(self) -> None:
        places = {**SCHEMA["resources"], **SCHEMA["types"]}
        described = {
            f"{token} {kind} {name}": each
            for token, place in places.items()
            for kind in ("inputProperties", "properties")
            for name, each in place.get(kind, {}).items()
        } | places

        assert len(described) > 80
        assert [name for name, each in described.items() if not each.get("description")] == []
        assert [name for name, each in described.items() if "\n" in each["description"]] == []

    @pytest.mark.parametrize(
        ("name", "ending"),
        [
            (
                "logLevel",
                "one of DEBUG, INFO, WARN, ERROR, FATAL (Lambda's application log levels). The default is INFO.",
            ),
            ("maxAttempts", "Must be from 1 to 1000 (SQS's limits for maxReceiveCount). The default is 5."),
        ],
    )
    def test_says_what_a_value_must_be_and_its_default(self, name: str, ending: str) -> None:
        described = SCHEMA["resources"][TOKENS["ProcessingPipeline"]]["inputProperties"][name]["description"]

        assert described.endswith(ending)

    def test_names_arguments_as_other_languages_do(self) -> None:
        names = {name for each in COMPONENTS for name in arguments_of(each).declared if "_" in name}
        texts = json.dumps(SCHEMA)

        assert [name for name in sorted(names) if f"`{name}`" in texts] == []


@pytest.mark.parametrize("example", examples.COMPONENTS)
def test_the_package_registers_what_the_component_registers(example: Example) -> None:
    """Each third argument that may be late is plain, an Output, a secret."""
    args = example.everything()
    properties = SCHEMA["resources"][TOKENS[example.title]]["inputProperties"]
    late = sorted(name for name in args if not properties[camel_case(name)].get("plain") and name != "processor_code")
    kinds = {camel_case(name): n % 3 for n, name in enumerate(late)}

    def wrapped(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: wrap(value, kinds.get(camel_case(name))) for name, value in values.items()}

    direct = record(lambda: example.create(NAME, wrapped(args)) and None)
    hosted = record(lambda: provider().construct(NAME, TOKENS[example.title], wrapped(wire(args)), None) and None)

    assert comparable(hosted.registrations) == comparable(direct.registrations)
    assert any(has_secret(each.inputs) for each in hosted.registrations)


def test_a_warning_names_arguments_as_other_languages_do(caplog: pytest.LogCaptureFixture) -> None:
    inputs = wire({**examples.PROCESSING_PIPELINE.required, "fargate_cpu": 512})

    record(lambda: provider().construct(NAME, TOKENS["ProcessingPipeline"], inputs, None) and None)

    (warning,) = caplog.messages
    assert warning.endswith(": fargateCpu.")


def wrap(value: Any, kind: int | None) -> Any:
    match kind:
        case 0:
            return pulumi.Output.secret(value)
        case 1:
            return pulumi.Output.from_input(value)
        case _:
            return value


def has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return rpc.is_rpc_secret(items) or any(map(has_secret, items.values()))
    return isinstance(value, list) and any(map(has_secret, cast("list[Any]", value)))


WRONG: dict[str, tuple[str, Mapping[str, Any], str]] = {
    "too large": (
        "StatusTracker",
        {"recoveryDays": 36.0},
        "StatusTracker: recoveryDays is 36, but must be from 1 to 35 (DynamoDB",
    ),
    "text for a number": (
        "StatusTracker",
        {"recoveryDays": "seven"},
        "StatusTracker: recoveryDays is 'seven', but",
    ),
    "a list for a number": ("StatusTracker", {"recoveryDays": [7.0]}, "StatusTracker: recoveryDays is [7.0], but must"),
    "a map for text": (
        "UploadApi",
        {"logLevel": {"level": "INFO"}},
        "UploadApi: logLevel is {'level': 'INFO'}, but",
    ),
    "text for a list": (
        "ProcessingPipeline",
        {"processors": "csv"},
        "ProcessingPipeline: processors is 'csv', but must be a list, each item with processor",
    ),
    "text for an object in a list": (
        "ProcessingPipeline",
        {"processors": ["csv"]},
        "ProcessingPipeline: processors[0] is 'csv', but must be a map of processor and contentTypes and fileNames.",
    ),
    "a typo in an object": (
        "ProcessingPipeline",
        {"processors": [{"processor": "team.csv", "fileName": ["*.csv"]}]},
        "ProcessingPipeline: processors[0] must have processor, may have contentTypes, may have fileNames, and nothing",
    ),
    "a typo": (
        "StatusTracker",
        {"recoverDays": 7.0},
        "StatusTracker: 'recoverDays' is not an argument; did you mean recoveryDays?",
    ),
    "Python's spelling": (
        "StatusTracker",
        {"recovery_days": 7.0},
        "StatusTracker: 'recovery_days' is not an argument; did you mean recoveryDays?",
    ),
    "a missing input": ("UploadApi", {"tableName": "the-table"}, "UploadApi: tableArn is missing; give it a value."),
    "two that exclude each other": (
        "UploadApi",
        {**wire(examples.TABLE), "userPoolArn": examples.USER_POOL_ARN, "allowSignUp": True},
        "UploadApi: allowSignUp is true, but the pool of userPoolArn has its own rules",
    ),
    "another output in its form": (
        "UploadApi",
        {"tableName": "the-table", "tableArn": "the-table"},
        (
            "UploadApi: tableArn is 'the-table', but must be the ARN of a DynamoDB table, "
            "arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, such as StatusTracker's tableArn."
        ),
    ),
    "a value like a name": (
        "UploadApi",
        {**wire(examples.TABLE), "logLevel": "recovery_days"},
        "UploadApi: logLevel is 'recovery_days', but must",
    ),
}
"""Inputs that other languages can send, and what the error says."""


@each_case("case", WRONG)
def test_a_wrong_argument_is_an_error_that_names_it_as_other_languages_do(case: str) -> None:
    component, inputs, message = WRONG[case]
    if component == "ProcessingPipeline":
        inputs = {**wire(examples.PROCESSING_PIPELINE.required), **inputs}

    with pytest.raises(ArgumentError) as raised:
        record(lambda: provider().construct(NAME, TOKENS[component], inputs, None) and None)

    assert str(raised.value).startswith(message)


@each_case("case", ["an Output", "a secret", "a list with an Output"])
def test_an_output_where_a_plain_value_is_needed_is_an_error(case: str) -> None:
    def program() -> None:
        late = pulumi.Output.secret(7.0) if case == "a secret" else pulumi.Output.from_input(7.0)
        days = [late] if case == "a list with an Output" else late
        provider().construct(NAME, TOKENS["StatusTracker"], {"recoveryDays": days}, None)

    with pytest.raises(
        ArgumentError, match=r"^StatusTracker: recoveryDays (is|holds) an Output or a secret, but must "
    ):
        record(program)


def test_the_plugin_registers_what_the_components_register() -> None:
    """Started as the engine starts it, in another folder."""
    monitor, secret = Monitor(FakeAws()), struct_pb2.Struct()
    secret.update({SIGNATURE: SECRET, "value": KMS_KEY_ARN})
    late = {"kmsKeyArn": {SIGNATURE: SECRET, "value": "alias/mine"}}

    with plugin(monitor) as (stub, address):
        schema: str = cast("Any", stub).GetSchema(provider_pb2.GetSchemaRequest()).schema
        for example in examples.COMPONENTS:
            inputs = struct_pb2.Struct()
            inputs.update({**wire(example.required), "kmsKeyArn": secret})
            construct(stub, address, TOKENS[example.title], f"a-{example.title}".lower(), inputs)
        refused = [_refused(stub, address, inputs) for inputs in ({"recoveryDays": 36}, {"recoverDays": 7}, late)]

    def direct() -> None:
        for example in examples.COMPONENTS:
            example.make(f"a-{example.title}".lower(), kms_key_arn=pulumi.Output.secret(KMS_KEY_ARN))

    assert json.loads(schema) == SCHEMA
    made = [each for each in monitor.registrations if each.name != "wrong"]
    assert comparable(made) == comparable(record(direct).registrations)
    assert [(path, message.partition(", ")[0].partition(";")[0]) for path, message in refused] == [
        ("recoveryDays", "StatusTracker: recoveryDays is 36"),
        ("recoverDays", "StatusTracker: 'recoverDays' is not an argument"),
        ("kmsKeyArn", "StatusTracker: kmsKeyArn is [secret]"),
    ]


def _refused(stub: provider_pb2_grpc.ResourceProviderStub, address: str, inputs: Mapping[str, Any]) -> tuple[str, str]:
    """The input that the plugin's error is about, and what it says of it."""
    given = struct_pb2.Struct()
    given.update(inputs)
    with pytest.raises(grpc.RpcError) as raised:
        construct(stub, address, TOKENS["StatusTracker"], "wrong", given)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "File" not in (raised.value.details() or ""), "no traceback"
    trailing = dict(cast("Any", raised.value).trailing_metadata())
    (detail,) = status_pb2.Status.FromString(trailing["grpc-status-details-bin"]).details
    properties = errors_pb2.InputPropertiesError()
    assert detail.Unpack(properties)
    (wrong,) = properties.errors
    return wrong.property_path, wrong.reason
