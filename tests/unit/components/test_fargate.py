"""The compute fargate: what its tasks are, may do and reach, and how many there are."""

from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.fargate import MEMORY_MB
from components.compute.fargate import SERVICES
from handlers.entries import worker_health
from tests.support.components.examples import (
    ECS_CLUSTER_ARN,
    FARGATE,
    IMAGE,
    KMS_KEY_ARN,
    NAME,
    PROCESSING_PIPELINE,
    SUBNET_IDS,
)
from tests.support.components.recording import Recording, arn_of, physical, record, refusal

pytestmark = pytest.mark.variant

WORKERS = f"{NAME}-workers"


@cache
def recorded(**more: Any) -> Recording:
    return record(lambda: PROCESSING_PIPELINE.make(**FARGATE, **more) and None)


@pytest.fixture
def by_default() -> Recording:
    return recorded()


def container(recording: Recording) -> dict[str, Any]:
    (only,) = recording.json_input(aws.ecs.TaskDefinition, WORKERS, "containerDefinitions")
    return only


def statements(recording: Recording, policy: str) -> list[dict[str, Any]]:
    return recording.json_input(aws.iam.RolePolicy, policy, "policy")["Statement"]


class TestTheTask:
    def test_is_small_on_arm64_and_in_the_vpc(self, by_default: Recording) -> None:
        task = by_default.inputs(aws.ecs.TaskDefinition, WORKERS)
        assert (task["cpu"], task["memory"], task["networkMode"]) == ("1024", "4096", "awsvpc")
        assert task["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
        assert "ephemeralStorage" not in task

    def test_has_the_storage_asked_for(self) -> None:
        task = recorded(fargate_storage_gib=21).inputs(aws.ecs.TaskDefinition, WORKERS)
        assert task["ephemeralStorage"] == {"sizeInGib": 21}

    def test_its_container_can_write_to_its_workspaces_alone(self, by_default: Recording) -> None:
        worker = container(by_default)
        assert worker["image"] == IMAGE
        assert worker["readonlyRootFilesystem"] is True
        (writable,) = worker["mountPoints"]
        assert writable == {"sourceVolume": "workspaces", "containerPath": "/tmp", "readOnly": False}  # noqa: S108
        assert by_default.inputs(aws.ecs.TaskDefinition, WORKERS)["volumes"] == [{"name": "workspaces"}]

    def test_its_worker_reads_the_limits_and_the_job(self) -> None:
        worker = container(recorded(memory_mb=1_024, timeout_seconds=77))
        variables = {each["name"]: each["value"] for each in worker["environment"]}
        assert variables["WORKER_MEMORY_MB"] == "4096"
        assert variables["WORKER_JOB_MEMORY_MB"] == "1024"
        assert variables["WORKER_JOB_SECONDS"] == "77"
        assert variables["WORKER_STOP_SECONDS"] == str(container(recorded())["stopTimeout"]) == "120"
        assert {"QUEUE_URL", "UPLOADS_TABLE", "PROCESSOR", "LOG_LEVEL", "AWS_DEFAULT_REGION"} <= variables.keys()

    @pytest.mark.parametrize("name", ["LOG_LEVEL", "WORKER_MEMORY_MB", "QUEUE_URL"])
    @pytest.mark.parametrize("is_late", [False, True])
    def test_a_processors_variable_with_the_name_of_one_of_its_own_is_refused(self, name: str, is_late: bool) -> None:
        def make() -> None:
            code = pulumi.AssetArchive({"reads.py": pulumi.StringAsset("def process(job): ...")})
            variables: Any = {name: "the processor's"}
            variables = pulumi.Output.from_input(variables) if is_late else variables
            own = {"processor": "reads.process", "processor_code": code, "processor_environment": variables}
            PROCESSING_PIPELINE.make(**FARGATE, **own)

        with pytest.raises(ArgumentError, match=rf"processor_environment holds {name}, which Portage sets itself"):
            record(make)

    def test_its_container_is_checked_and_logged_and_leaves_no_processes(self, by_default: Recording) -> None:
        worker, log = container(by_default), by_default.only(aws.cloudwatch.LogGroup, f"{WORKERS}-log")
        assert worker["healthCheck"]["command"] == ["CMD", "python", "-m", worker_health.__name__]
        assert worker["healthCheck"]["interval"] < worker_health.STALE_AFTER_SECONDS
        assert worker["linuxParameters"] == {"initProcessEnabled": True}
        assert worker["logConfiguration"]["logDriver"] == "awslogs"
        assert worker["logConfiguration"]["options"]["awslogs-group"] == physical(log.name)

    def test_its_worker_has_not_the_role_that_starts_it(self, by_default: Recording) -> None:
        task = by_default.inputs(aws.ecs.TaskDefinition, WORKERS)
        assert task["taskRoleArn"] == arn_of(aws.iam.Role, f"{WORKERS}-role")
        assert task["executionRoleArn"] == arn_of(aws.iam.Role, f"{WORKERS}-start-role")


class TestPermissions:
    def test_a_task_may_do_what_a_job_does_and_protect_tasks_of_its_cluster(self, by_default: Recording) -> None:
        function = record(lambda: PROCESSING_PIPELINE.make() and None)
        of_function = statements(function, f"{NAME}-process-object-policy")
        *of_task, protect = statements(by_default, f"{WORKERS}-policy")
        logs_and_traces = [each for each in of_function if each["Action"][0].startswith(("logs:", "xray:"))]
        assert of_task == [each for each in of_function if each not in logs_and_traces]
        assert protect == {
            "Effect": "Allow",
            "Action": ["ecs:UpdateTaskProtection"],
            "Resource": [f"arn:aws-mars:ecs:mars-north-1:123456789012:task/{WORKERS}-0a1b2c3/*"],
        }

    def test_what_starts_it_may_pull_this_repository_and_write_this_log(self, by_default: Recording) -> None:
        write, token, pull = statements(by_default, f"{WORKERS}-start-policy")
        assert write["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert (token["Action"], token["Resource"]) == (["ecr:GetAuthorizationToken"], ["*"])
        assert pull["Resource"] == ["arn:aws:ecr:eu-central-1:123456789012:repository/worker"]


class TestTheService:
    def test_has_no_public_address_and_rolls_back(self, by_default: Recording) -> None:
        service = by_default.inputs(aws.ecs.Service, WORKERS)
        assert service["networkConfiguration"]["assignPublicIp"] is False
        assert service["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
        assert service["forceNewDeployment"] is True
        assert service["availabilityZoneRebalancing"] == "DISABLED"
        assert by_default.only(aws.ecs.Service, WORKERS).options.ignore_changes == ("desiredCount",)

    def test_begins_with_the_least_tasks_in_the_private_subnets(self) -> None:
        recording = recorded(fargate_min_tasks=3)
        service, network = recording.inputs(aws.ecs.Service, WORKERS), f"{WORKERS}-network"
        assert (service["desiredCount"], service["deploymentMinimumHealthyPercent"]) == (3, 100)
        assert service["networkConfiguration"]["subnets"] == [
            f"{physical(f'{network}-private-{zone}')}-id" for zone in "abc"
        ]
        assert service["networkConfiguration"]["securityGroups"] == [f"{physical(f'{network}-jobs')}-id"]

    def test_its_cluster_has_what_its_weights_and_its_scaling_need(self, by_default: Recording) -> None:
        capacity = by_default.inputs(aws.ecs.ClusterCapacityProviders, WORKERS)
        assert capacity["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
        assert by_default.inputs(aws.ecs.Cluster, WORKERS)["settings"] == [
            {"name": "containerInsights", "value": "enabled"}
        ]

    def test_starts_no_task_before_it_can_be_placed_and_may_work(self, by_default: Recording) -> None:
        needed = {by_default.only(aws.ecs.ClusterCapacityProviders, WORKERS).urn} | {
            by_default.only(aws.iam.RolePolicy, name).urn for name in (f"{WORKERS}-policy", f"{WORKERS}-start-policy")
        }
        assert needed <= by_default.only(aws.ecs.Service, WORKERS).options.depends_on

    def test_starts_no_task_before_it_can_reach_aws(self, by_default: Recording) -> None:
        ways = {
            each.urn for kind in (aws.ec2.RouteTableAssociation, aws.ec2.VpcEndpoint) for each in by_default.all(kind)
        }
        assert len(ways) == 3 + 2 + len(SERVICES)
        assert ways <= by_default.only(aws.ecs.Service, WORKERS).options.depends_on

    def test_starts_no_task_in_given_subnets_before_its_group_lets_it_send(self) -> None:
        recording = record(lambda: PROCESSING_PIPELINE.make(**FARGATE, subnet_ids=SUBNET_IDS) and None)
        rule = recording.only(aws.vpc.SecurityGroupEgressRule)
        assert rule.urn in recording.only(aws.ecs.Service, WORKERS).options.depends_on

    @pytest.mark.parametrize(
        ("weights", "expected"), [((1, 0), {"FARGATE": 1}), ((0, 2), {"FARGATE_SPOT": 2}), ((1, 3), None)]
    )
    def test_is_on_demand_or_spot_by_weights(self, weights: tuple[int, int], expected: dict[str, int] | None) -> None:
        service = recorded(fargate_weight=weights[0], fargate_spot_weight=weights[1]).inputs(aws.ecs.Service, WORKERS)
        found = {each["capacityProvider"]: each["weight"] for each in service["capacityProviderStrategies"]}
        assert found == (expected or {"FARGATE": 1, "FARGATE_SPOT": 3})

    def test_no_function_processes_objects(self, by_default: Recording) -> None:
        assert f"{NAME}-process-object" not in {each.name for each in by_default.all(aws.lambda_.Function)}


class TestAGivenCluster:
    @pytest.fixture
    def given(self) -> Recording:
        return recorded(fargate_cluster_arn=ECS_CLUSTER_ARN)

    def test_runs_the_service_and_none_is_made(self, given: Recording) -> None:
        assert given.all(aws.ecs.Cluster) == given.all(aws.ecs.ClusterCapacityProviders) == []
        assert given.inputs(aws.ecs.Service, WORKERS)["cluster"] == ECS_CLUSTER_ARN

    def test_is_where_a_task_may_be_protected_and_is_counted(self, given: Recording) -> None:
        *_, protect = statements(given, f"{WORKERS}-policy")
        assert protect["Resource"] == ["arn:aws:ecs:eu-central-1:123456789012:task/shared/*"]
        service = given.inputs(aws.ecs.Service, WORKERS)
        resource = given.inputs(aws.appautoscaling.Target)["resourceId"]
        assert resource.startswith("service/shared/")
        policy = given.inputs(aws.appautoscaling.Policy, f"{WORKERS}-scaling-backlog")
        metrics = policy["targetTrackingScalingPolicyConfiguration"]["customizedMetricSpecification"]["metrics"]
        (tasks,) = [each["metricStat"]["metric"] for each in metrics if each["id"] == "tasks"]
        assert {"name": "ClusterName", "value": "shared"} in tasks["dimensions"]
        assert service["capacityProviderStrategies"] == [{"capacityProvider": "FARGATE", "weight": 1}]

    @pytest.mark.parametrize(
        ("name", "fault"), [("deleted", "status is INACTIVE"), ("without-insights", "Container Insights is disabled")]
    )
    def test_that_could_not_run_or_scale_tasks_is_refused(self, name: str, fault: str) -> None:
        arn = ECS_CLUSTER_ARN.replace("shared", name)
        with pytest.raises(ArgumentError, match=fault):
            recorded(fargate_cluster_arn=arn)

    @pytest.mark.parametrize("other", ["us-east-1:123456789012", "eu-central-1:210987654321"])
    def test_of_another_region_or_account_is_refused_although_one_here_has_its_name(self, other: str) -> None:
        arn = ECS_CLUSTER_ARN.replace("eu-central-1:123456789012", other)
        with pytest.raises(ArgumentError, match="must be in the account and region of the deployment"):
            recorded(fargate_cluster_arn=arn)


class TestScaling:
    def test_follows_the_messages_for_each_task(self, by_default: Recording) -> None:
        policy = by_default.inputs(aws.appautoscaling.Policy, f"{WORKERS}-scaling-backlog")
        tracking = policy["targetTrackingScalingPolicyConfiguration"]
        *counts, backlog = tracking["customizedMetricSpecification"]["metrics"]
        assert tracking["targetValue"] == 10
        assert [each["metricStat"]["metric"]["metricName"] for each in counts] == [
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "RunningTaskCount",
        ]
        assert (backlog["expression"], backlog["returnData"]) == ("(waiting + processed) / tasks", True)
        assert [each["returnData"] for each in counts] == [False] * 3

    def test_stays_between_its_limits(self) -> None:
        recording = recorded(fargate_min_tasks=2, fargate_max_tasks=7, fargate_backlog_per_task=4)
        target = recording.inputs(aws.appautoscaling.Target)
        assert (target["minCapacity"], target["maxCapacity"]) == (2, 7)
        policy = recording.inputs(aws.appautoscaling.Policy, f"{WORKERS}-scaling-backlog")
        assert policy["targetTrackingScalingPolicyConfiguration"]["targetValue"] == 4

    def test_starts_the_first_task_by_an_alarm_only_if_there_may_be_none(self, by_default: Recording) -> None:
        first = f"{WORKERS}-scaling-first"
        assert first not in {each.name for each in by_default.registrations}
        recording = recorded(fargate_min_tasks=0)
        assert recording.inputs(aws.appautoscaling.Target)["minCapacity"] == 0
        policy = recording.inputs(aws.appautoscaling.Policy, first)
        assert policy["policyType"] == "StepScaling"
        (step,) = policy["stepScalingPolicyConfiguration"]["stepAdjustments"]
        assert (step["metricIntervalLowerBound"], step["scalingAdjustment"]) == ("0", 1)
        alarm = recording.inputs(aws.cloudwatch.MetricAlarm, first)
        assert alarm["metricQueries"][-1]["expression"] == "IF(FILL(tasks, 0) < 1, waiting, 0)"
        assert (alarm["comparisonOperator"], alarm["threshold"]) == ("GreaterThanThreshold", 0)
        assert alarm["alarmActions"] == [arn_of(aws.appautoscaling.Policy, first)]


class TestTheImagesRepository:
    def test_is_made_before_the_compute_that_needs_it(self) -> None:
        recording = record(lambda: PROCESSING_PIPELINE.make(image_repository=True) and None)
        repository = recording.inputs(aws.ecr.Repository, f"{NAME}-worker")
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository["forceDelete"] is False
        assert recording.only(aws.ecr.Repository).options.protect
        assert repository["encryptionConfigurations"] == [{"encryptionType": "AES256"}]

    def test_uses_the_customers_key_and_keeps_images_for_a_rollback(self) -> None:
        recording = record(lambda: PROCESSING_PIPELINE.make(image_repository=True, kms_key_arn=KMS_KEY_ARN) and None)
        repository = recording.inputs(aws.ecr.Repository, f"{NAME}-worker")
        assert repository["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KMS_KEY_ARN}]
        (rule,) = recording.json_input(aws.ecr.LifecyclePolicy, None, "policy")["rules"]
        assert (rule["selection"]["countType"], rule["selection"]["countNumber"]) == ("imageCountMoreThan", 50)


class TestConflicts:
    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({"worker_image": None}, "worker_image is missing"),
            ({"fargate_memory_mb": 16_384}, "fargate_memory_mb is 16384"),
            ({"fargate_cpu": 256, "fargate_memory_mb": 512, "memory_mb": 512}, "must be at least 640"),
            ({"fargate_min_tasks": 11}, "fargate_min_tasks is 11"),
            ({"fargate_weight": 0}, "fargate_weight and fargate_spot_weight are 0"),
            ({"security_group_ids": ["sg-0a1b2c3d4e5f60718"]}, "security_group_ids needs subnet_ids"),
        ],
    )
    def test_are_refused_before_any_resource(self, given: dict[str, Any], named: str) -> None:
        assert named in refusal(lambda: PROCESSING_PIPELINE.make(**{**FARGATE, **given}))

    def test_settings_of_fargate_stay_where_they_are_with_lambda(self) -> None:
        recording = record(lambda: PROCESSING_PIPELINE.make(fargate_max_tasks=3, fargate_weight=0) and None)
        assert recording.all(aws.ecs.Service) == []

    def test_every_size_of_a_task_is_one_that_fargate_has(self) -> None:
        assert [(cpu, sizes[0], sizes[-1]) for cpu, sizes in MEMORY_MB.items()] == [
            (256, 512, 2_048),
            (512, 1_024, 4_096),
            (1_024, 2_048, 8_192),
            (2_048, 4_096, 16_384),
            (4_096, 8_192, 30_720),
            (8_192, 16_384, 61_440),
            (16_384, 32_768, 122_880),
        ]
