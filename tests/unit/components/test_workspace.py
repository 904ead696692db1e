"""The shared workspace: the file system, who may mount it, the network around it, and the functions that do."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from tests.support.components.examples import BUCKET, KMS_KEY_ARN, NAME, PROCESSING_PIPELINE, SUBNET_IDS, TABLE
from tests.support.components.recording import Recording, arn_of, physical, record, refusal
from tests.support.each_case import each_case

pytestmark = pytest.mark.variant

EFS = {"compute": "step-functions", "workspace": "efs"}
WORKSPACE = f"{NAME}-workspace"
MOUNTING = ("fetch", "process", "clean-up")
FILE_SYSTEM, ACCESS_POINT = (
    arn_of(aws.efs.FileSystem, WORKSPACE),
    arn_of(aws.efs.AccessPoint, f"{WORKSPACE}-executions"),
)
CLIENT = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
TO_NFS = {"ipProtocol": "tcp", "fromPort": 2049, "toPort": 2049}
GIVEN = {"subnet_ids": SUBNET_IDS, "security_group_ids": ["sg-0a1b2c3d4e5f60718"]}


def recorded(**args: Any) -> Recording:
    return record(lambda: PROCESSING_PIPELINE.make(**{**EFS, **args}) and None)


@pytest.fixture(scope="module")
def made() -> Recording:
    return recorded()


@pytest.fixture(scope="module")
def given() -> Recording:
    return recorded(**GIVEN)


def id_of(suffix: str) -> str:
    return f"{physical(WORKSPACE + suffix)}-id"


def function(recording: Recording, name: str) -> dict[str, Any]:
    return recording.inputs(aws.lambda_.Function, f"{NAME}-{name}")


def statements(recording: Recording, name: str) -> list[Any]:
    return recording.json_input(aws.iam.RolePolicy, f"{NAME}-{name}-policy", "policy")["Statement"]


class TestTheFileSystem:
    def test_is_encrypted_elastic_and_moves_what_is_left_over_to_the_cheaper_class(self, made: Recording) -> None:
        assert made.inputs(aws.efs.FileSystem) == {
            "encrypted": True,
            "throughputMode": "elastic",
            "lifecyclePolicies": [{"transitionToIa": "AFTER_1_DAY"}],
            "tags": {"Name": WORKSPACE},
        }

    def test_uses_the_customers_key(self) -> None:
        assert recorded(kms_key_arn=KMS_KEY_ARN).inputs(aws.efs.FileSystem)["kmsKeyId"] == KMS_KEY_ARN

    @pytest.mark.parametrize("protected", [True, False])
    def test_is_protected_as_buckets_are(self, protected: bool) -> None:
        found = recorded(deletion_protection=protected).only(aws.efs.FileSystem)
        assert bool(found.options.protect) is protected

    def test_refuses_other_access_points_and_clients_without_tls(self, made: Recording) -> None:
        assert made.inputs(aws.efs.FileSystemPolicy)["fileSystemId"] == id_of("")
        refuse = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": FILE_SYSTEM}
        assert made.json_input(aws.efs.FileSystemPolicy, None, "policy") == {
            "Version": "2012-10-17",
            "Statement": [
                {**refuse, "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
                {
                    **refuse,
                    "Action": [*CLIENT, "elasticfilesystem:ClientRootAccess"],
                    "Condition": {"StringNotEquals": {"elasticfilesystem:AccessPointArn": ACCESS_POINT}},
                },
            ],
        }

    def test_its_access_point_is_a_folder_of_one_user(self, made: Recording) -> None:
        assert made.inputs(aws.efs.AccessPoint) == {
            "fileSystemId": id_of(""),
            "posixUser": {"uid": 1000, "gid": 1000},
            "rootDirectory": {
                "path": "/executions",
                "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "700"},
            },
            "tags": {"Name": f"{WORKSPACE}-executions"},
        }


class TestTheNetwork:
    def test_each_subnet_has_a_mount_target_that_only_the_steps_reach(self, made: Recording) -> None:
        targets = [each.inputs for each in made.all(aws.efs.MountTarget)]
        subnets = [id_of(f"-network-private-{zone}") for zone in "abc"]
        assert targets == [
            {"fileSystemId": id_of(""), "subnetId": subnet, "securityGroups": [id_of("-files")]} for subnet in subnets
        ]
        (ingress,) = [
            each.inputs for each in made.all(aws.vpc.SecurityGroupIngressRule) if each.name.startswith(WORKSPACE)
        ]
        assert ingress == {
            "securityGroupId": id_of("-files"),
            "referencedSecurityGroupId": id_of("-steps"),
            **TO_NFS,
        }
        assert made.inputs(aws.vpc.SecurityGroupEgressRule, f"{WORKSPACE}-steps-to-files") == {
            "securityGroupId": id_of("-steps"),
            "referencedSecurityGroupId": id_of("-files"),
            **TO_NFS,
        }

    def test_functions_reach_s3_and_dynamodb_alone_at_no_price(self, made: Recording) -> None:
        kinds = {each.name: each.inputs["vpcEndpointType"] for each in made.all(aws.ec2.VpcEndpoint)}
        assert kinds == {f"{WORKSPACE}-network-{each}": "Gateway" for each in ("s3", "dynamodb")}

    def test_a_service_of_the_processor_has_an_endpoint(self) -> None:
        recording = recorded(network_endpoints=["bedrock-runtime"])
        assert recording.only(aws.ec2.VpcEndpoint, f"{WORKSPACE}-network-bedrock-runtime")

    def test_given_subnets_and_groups_are_used_beside_the_own_group(self, given: Recording) -> None:
        assert not given.all(aws.ec2.Vpc)
        assert {each.name: each.inputs["subnetId"] for each in given.all(aws.efs.MountTarget)} == {
            f"{WORKSPACE}-{subnet}": subnet for subnet in SUBNET_IDS
        }
        assert {each.name for each in given.all(aws.ec2.SecurityGroup)} == {f"{WORKSPACE}-steps", f"{WORKSPACE}-files"}
        assert {each.inputs["vpcId"] for each in given.all(aws.ec2.SecurityGroup)} == {f"vpc-of-{SUBNET_IDS[0]}"}
        assert function(given, "process")["vpcConfig"] == {
            "subnetIds": SUBNET_IDS,
            "securityGroupIds": [*GIVEN["security_group_ids"], id_of("-steps")],
        }

    def test_another_order_of_the_subnets_replaces_no_mount_target(self, given: Recording) -> None:
        turned = recorded(**{**GIVEN, "subnet_ids": SUBNET_IDS[::-1]})

        def targets(recording: Recording) -> dict[str, Any]:
            return {each.name: each.inputs for each in recording.all(aws.efs.MountTarget)}

        assert targets(turned) == targets(given)

    def test_a_subnet_may_be_an_output(self) -> None:
        recording = record(
            lambda: PROCESSING_PIPELINE.make(**EFS, subnet_ids=[*map(pulumi.Output.from_input, SUBNET_IDS)]) and None
        )
        assert [each.inputs["subnetId"] for each in recording.all(aws.efs.MountTarget)] == SUBNET_IDS


class TestTheFunctions:
    @pytest.mark.parametrize("name", MOUNTING)
    def test_mount_it_after_its_mount_targets_exist(self, made: Recording, name: str) -> None:
        inputs = function(made, name)
        assert inputs["fileSystemConfig"] == {"arn": ACCESS_POINT, "localMountPath": "/mnt/workspace"}
        assert inputs["vpcConfig"] == {
            "subnetIds": [id_of(f"-network-private-{zone}") for zone in "abc"],
            "securityGroupIds": [id_of("-network-jobs"), id_of("-steps")],
        }
        assert inputs["environment"]["variables"]["WORKSPACE_PATH"] == "/mnt/workspace"
        targets = {each.urn for each in made.all(aws.efs.MountTarget)}
        assert targets <= made.only(aws.lambda_.Function, f"{NAME}-{name}").options.depends_on

    @pytest.mark.parametrize("name", MOUNTING)
    def test_may_mount_it_through_the_access_point_and_lambda_may_connect_them(
        self, made: Recording, name: str
    ) -> None:
        interfaces, files = statements(made, name)[-4:-2]
        verbs = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface", "DescribeSubnets")
        verbs += ("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
        assert interfaces == {
            "Effect": "Allow",
            "Action": [f"ec2:{verb}" for verb in verbs],
            "Resource": ["*"],
            "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}},
        }
        assert files == {
            "Effect": "Allow",
            "Action": CLIENT,
            "Resource": [FILE_SYSTEM],
            "Condition": {"StringEquals": {"elasticfilesystem:AccessPointArn": ACCESS_POINT}},
        }

    def test_the_one_that_fetches_reads_objects_and_holds_the_lease(self, made: Recording) -> None:
        streams = f"{arn_of(aws.cloudwatch.LogGroup, f'{NAME}-fetch-log')}:*"
        others = [(each["Action"], each["Resource"]) for each in statements(made, "fetch") if "Condition" not in each]
        assert others == [
            (["s3:GetObjectVersion"], [f"{BUCKET['bucket_arn']}/uploads/*"]),
            (["dynamodb:UpdateItem"], [TABLE["table_arn"]]),
            (["logs:CreateLogStream", "logs:PutLogEvents"], [streams]),
            (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),
        ]
        inputs = function(made, "fetch")
        assert (inputs["memorySize"], inputs["timeout"]) == (1769, 300)
        assert inputs["handler"] == "handlers.entries.fetch_step.handle"

    def test_the_one_that_cleans_up_calls_nothing_else(self, made: Recording) -> None:
        others = [each["Action"] for each in statements(made, "clean-up") if "Condition" not in each]
        assert [action.partition(":")[0] for actions in others for action in actions] == ["logs"] * 2 + ["xray"] * 2
        inputs = function(made, "clean-up")
        assert (inputs["timeout"], inputs["handler"]) == (300, "handlers.entries.clean_up_step.handle")
        assert inputs["environment"]["variables"] == {"WORKSPACE_PATH": "/mnt/workspace"}

    def test_others_stay_outside_of_the_network(self, made: Recording) -> None:
        names = {each.name for each in made.all(aws.lambda_.Function) if "vpcConfig" in each.inputs}
        assert names == {f"{NAME}-{name}" for name in MOUNTING}

    def test_the_workflow_calls_them(self, made: Recording) -> None:
        states = made.json_input(aws.sfn.StateMachine, f"{NAME}-workflow", "definition")["States"]
        live = {name: arn_of(aws.lambda_.Alias, f"{NAME}-{name}-live") for name in MOUNTING}
        assert states["Fetch"]["Arguments"]["FunctionName"] == live["fetch"]
        assert states["CleanUp"]["Arguments"]["FunctionName"] == live["clean-up"]
        may = {resource for each in statements(made, "workflow") for resource in each["Resource"]}
        assert set(live.values()) <= may


class TestWithoutIt:
    def test_nothing_of_it_is_made_and_what_holds_data_stays_as_it_is(self, made: Recording) -> None:
        other = recorded(workspace="ephemeral")
        assert not [each for each in other.registrations if WORKSPACE in each.name]
        assert not [each for each in other.all(aws.lambda_.Function) if "fileSystemConfig" in each.inputs]
        for kind in (aws.s3.Bucket, aws.sqs.Queue):
            assert {each.urn for each in other.all(kind)} == {each.urn for each in made.all(kind)}


@each_case(
    ("args", "beginning"),
    [
        (
            {"subnet_ids": SUBNET_IDS, "security_group_ids": [f"sg-0000000{n}" for n in range(5)]},
            "security_group_ids has 5 groups, but must have at most 4",
        ),
        ({"security_group_ids": ["sg-00000001"]}, "security_group_ids needs subnet_ids"),
        (
            {"step_functions_map_processor": "handlers.processors.inspect.process"},
            "step_functions_map_processor processes every upload, so workspace has no effect",
        ),
        ({"network_endpoints": ["sqs"], "network_egress": "nat"}, "network_endpoints is given"),
    ],
)
def test_arguments_that_contradict_each_other_are_an_error(args: dict[str, Any], beginning: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        PROCESSING_PIPELINE.shape(**{**PROCESSING_PIPELINE.required, **EFS, **args})
    assert str(caught.value).startswith(f"ProcessingPipeline: {beginning}")


def test_subnets_of_an_unknown_number_are_an_error() -> None:
    error = refusal(lambda: PROCESSING_PIPELINE.make(**EFS, subnet_ids=pulumi.Output.from_input(SUBNET_IDS)))
    assert error.startswith("ProcessingPipeline: subnet_ids is an Output")


def test_two_subnets_in_one_zone_are_an_error() -> None:
    first, second = SUBNET_IDS[0], SUBNET_IDS[0][:-1] + "9"
    with pytest.raises(ArgumentError) as caught:
        recorded(subnet_ids=[first, second])
    assert f"{first} and {second}" in str(caught.value)
