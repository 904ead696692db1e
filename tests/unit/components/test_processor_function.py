"""What a team may choose about the function that runs its processor, with each compute that has one."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.processing_pipeline import ProcessingPipelineArgs
from tests.support.components.examples import (
    BUCKET,
    CODE_IN_S3,
    IMAGE,
    LAYER_ARN,
    NAME,
    PROCESSING_PIPELINE,
    REQUIREMENTS,
    SUBNET_IDS,
    TABLE,
    TEAM_CODE,
)
from tests.support.components.recording import Recording, arn_of, physical, record
from tests.support.each_case import each_case

pytestmark = pytest.mark.variant

HANDLERS = {
    "lambda": "handlers.entries.process_object.handle",
    "step-functions": "handlers.entries.process_step.handle",
}
FUNCTIONS = {"lambda": "process-object", "step-functions": "process"}
CHOSEN = {
    "function_storage_mb": 2_048,
    "function_architecture": "x86_64",
    "function_layers": [LAYER_ARN],
    "subnet_ids": SUBNET_IDS,
    "processor": "team.process",
    "processor_code": TEAM_CODE,
    "processor_requirements": REQUIREMENTS,
}
CONNECTS = [
    f"ec2:{verb}NetworkInterface{ending}" for verb, ending in (("Create", ""), ("Describe", "s"), ("Delete", ""))
]
SECURITY_GROUP = "sg-0a1b2c3d4e5f60718"


def recorded(**args: Any) -> Recording:
    return record(lambda: {"role": PROCESSING_PIPELINE.make(**args).processor_role_arn})


def processors(recording: Recording, compute: str = "lambda") -> dict[str, Any]:
    return recording.inputs(aws.lambda_.Function, f"{NAME}-{FUNCTIONS[compute]}")


def others(recording: Recording, compute: str) -> list[Mapping[str, Any]]:
    own = f"{NAME}-{FUNCTIONS[compute]}"
    return [each.inputs for each in recording.all(aws.lambda_.Function) if each.name != own]


def actions(recording: Recording, name: str) -> list[str]:
    document = recording.json_input(aws.iam.RolePolicy, f"{NAME}-{name}-policy", "policy")
    return [action for each in document["Statement"] for action in each["Action"]]


@pytest.fixture(scope="module", params=FUNCTIONS)
def chosen(request: pytest.FixtureRequest) -> tuple[str, Recording]:
    return request.param, recorded(compute=request.param, **CHOSEN)


class TestTheProcessorsFunction:
    def test_has_what_is_chosen_and_no_other_has(self, chosen: tuple[str, Recording]) -> None:
        compute, recording = chosen

        function = processors(recording, compute)

        assert function["ephemeralStorage"] == {"size": 2_048}
        assert function["architectures"] == ["x86_64"]
        assert function["layers"] == [arn_of(aws.lambda_.LayerVersion, f"{NAME}-thumbnail-libraries"), LAYER_ARN]
        for other in others(recording, compute):
            assert other["architectures"] == ["arm64"]
            assert other.keys().isdisjoint({"ephemeralStorage", "layers", "vpcConfig"})

    def test_gets_libraries_for_its_architecture(self, chosen: tuple[str, Recording]) -> None:
        layer = chosen[1].only(aws.lambda_.LayerVersion).inputs

        assert layer["compatibleArchitectures"] == ["x86_64"]
        native = [name for name in layer["code"].assets if ".cpython-313-" in name]
        assert native
        assert all("x86_64-linux-gnu" in name for name in native)

    def test_is_in_the_given_subnets_with_a_group_that_only_sends(self, chosen: tuple[str, Recording]) -> None:
        compute, recording = chosen
        group = f"{NAME}-functions-network-jobs"

        assert processors(recording, compute)["vpcConfig"] == {
            "subnetIds": SUBNET_IDS,
            "securityGroupIds": [f"{physical(group)}-id"],
        }
        rule = recording.inputs(aws.vpc.SecurityGroupEgressRule)
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)
        assert recording.all(aws.vpc.SecurityGroupIngressRule) == []
        assert set(CONNECTS) <= set(actions(recording, FUNCTIONS[compute]))
        assert not set(CONNECTS) & set(actions(recording, "reconcile"))

    def test_has_the_role_that_comes_out(self, chosen: tuple[str, Recording]) -> None:
        compute, recording = chosen

        assert recording.outputs["role"] == arn_of(aws.iam.Role, f"{NAME}-{FUNCTIONS[compute]}-role")
        assert processors(recording, compute)["role"] == recording.outputs["role"]


class TestByDefault:
    @pytest.mark.parametrize("compute", FUNCTIONS)
    def test_it_asks_for_nothing(self, compute: str) -> None:
        recording = recorded(compute=compute)

        assert processors(recording, compute).keys().isdisjoint({"ephemeralStorage", "layers", "vpcConfig"})
        assert recording.all(aws.ec2.SecurityGroup) == []
        assert not set(CONNECTS) & set(actions(recording, FUNCTIONS[compute]))

    @pytest.mark.parametrize("compute", FUNCTIONS)
    def test_settings_of_a_network_that_another_compute_makes_change_nothing(self, compute: str) -> None:
        plain = recorded(compute=compute).comparable()

        assert recorded(compute=compute, network_cidr="10.1.0.0/16", network_egress="nat").comparable() == plain


def test_given_groups_are_used_as_they_are() -> None:
    recording = recorded(subnet_ids=SUBNET_IDS, security_group_ids=[SECURITY_GROUP])

    assert processors(recording)["vpcConfig"]["securityGroupIds"] == [SECURITY_GROUP]
    assert recording.all(aws.ec2.SecurityGroup) == []


@pytest.mark.parametrize(
    "late", [lambda: [pulumi.Output.from_input(LAYER_ARN)], lambda: pulumi.Output.from_input([LAYER_ARN])]
)
def test_layers_may_be_known_later(late: Any) -> None:
    recording = record(lambda: PROCESSING_PIPELINE.make(function_layers=late()) and None)

    assert processors(recording)["layers"] == [LAYER_ARN]


def test_too_many_layers_are_refused_when_they_are_known() -> None:
    six = [LAYER_ARN.replace("the-layer", f"layer-{each}") for each in range(6)]

    with pytest.raises(pulumi.RunError, match="6 layers, but Lambda takes at most 5"):
        record(lambda: PROCESSING_PIPELINE.make(function_layers=pulumi.Output.from_input(six)) and None)


@pytest.mark.parametrize("compute", FUNCTIONS)
def test_an_image_takes_the_place_of_archive_layers_and_runtime(compute: str) -> None:
    recording = recorded(
        compute=compute, function_image=IMAGE, processor="handlers.processors.thumbnail.process", memory_mb=1_024
    )

    function = processors(recording, compute)

    assert (function["packageType"], function["imageUri"]) == ("Image", IMAGE)
    assert function["imageConfig"] == {"commands": [HANDLERS[compute]]}
    assert function.keys().isdisjoint({"runtime", "handler", "code", "layers"})
    assert (function["memorySize"], function["architectures"]) == (1_024, ["arm64"])
    assert recording.all(aws.lambda_.LayerVersion) == []
    assert all(other["runtime"] == "python3.13" for other in others(recording, compute))


@pytest.mark.parametrize("compute", FUNCTIONS)
def test_code_in_s3_is_the_last_of_the_pipelines_own_layers(compute: str) -> None:
    in_s3: dict[str, Any] = {**CODE_IN_S3, "processor_code_version": "the-version"}

    recording = recorded(compute=compute, **in_s3, processor_requirements=REQUIREMENTS, function_layers=[LAYER_ARN])

    name = f"{NAME}-processor-code"
    assert recording.inputs(aws.lambda_.LayerVersion, name) == {
        "layerName": name,
        "s3Bucket": "the-builds",
        "s3Key": "build.zip",
        "s3ObjectVersion": "the-version",
        "compatibleRuntimes": ["python3.13"],
        "compatibleArchitectures": ["arm64"],
    }
    assert processors(recording, compute)["layers"][1:] == [arn_of(aws.lambda_.LayerVersion, name), LAYER_ARN]
    assert "team.process" in processors(recording, compute)["environment"]["variables"].values()


@each_case(
    ("args", "begins"),
    [
        ({"function_image": IMAGE, "function_layers": [LAYER_ARN]}, "function_layers is given, but a function of an"),
        ({"function_image": IMAGE, **CODE_IN_S3}, "processor_code_bucket is given, but the code is in the image"),
        ({"function_image": IMAGE, "processor": "team.process"}, "processor is 'team.process', but its code is"),
        ({**CODE_IN_S3, "processor_code": TEAM_CODE}, "processor_code and processor_code_bucket are given"),
        ({**CODE_IN_S3, "processor": "handlers.processors.inspect.process"}, "processor_code_bucket is given, but all"),
        (
            {**CODE_IN_S3, "processors": [{"processor": "handlers.processors.no.process", "file_names": ["*.csv"]}]},
            "processors[0].processor is 'handlers.processors.no.process', but there is no module",
        ),
        ({"processor_code_bucket": "the-builds"}, "processor_code_key is missing"),
        ({"processor_code_key": "build.zip"}, "processor_code_key is given, but processor_code_bucket is not"),
        ({"processor_code_version": "3"}, "processor_code_version is given, but processor_code_bucket is not"),
        (
            {"function_layers": [LAYER_ARN.replace("the", each) for each in "abcdef"]},
            "function_layers has 6 layers, but must have at most 5",
        ),
        (
            {
                "processor": "handlers.processors.thumbnail.process",
                "function_layers": [LAYER_ARN.replace("the", each) for each in "abcde"],
            },
            "function_layers has 5 layers, but must have at most 4",
        ),
        (
            {"function_layers": [LAYER_ARN, f"{LAYER_ARN}0"]},
            "function_layers has two versions of arn:aws:lambda:eu-central-1:123456789012:layer:the-layer",
        ),
        ({"security_group_ids": [SECURITY_GROUP]}, "security_group_ids needs subnet_ids"),
        ({"subnet_ids": SUBNET_IDS, "network_egress": "nat"}, "network_egress is 'nat'"),
    ],
)
def test_what_cannot_be_together_is_refused_before_anything_is_made(args: dict[str, Any], begins: str) -> None:
    given: dict[str, Any] = {**BUCKET, **TABLE, **args}

    with pytest.raises(ArgumentError) as error:
        ProcessingPipelineArgs(**given)

    assert str(error.value).startswith(f"ProcessingPipeline: {begins}")
