"""Runs jobs on ECS Fargate: the containers of a service poll the queue.

SQS --long poll--> worker (handlers/entries/worker.py): as many jobs at once as fit into the task's memory
messages for each task --> backlog_scaling.py --> number of tasks
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments import ArgumentError
from components.arguments.fargate import FargateArgs
from components.compute.backlog_scaling import BacklogScaling
from components.compute.protocol import Compute, Jobs
from components.network.vpc import Network

VISIBILITY_SECONDS = 120
"""Between a message's receipt and its job's lease, which then counts: time for the SDK's retries."""

STOP_SECONDS = 120
"""From SIGTERM until ECS kills a container: Fargate's longest. Spot gives two minutes as well."""

SERVICES = ("ecr.api", "ecr.dkr", "logs", "sqs")
"""That a task calls, besides S3 and DynamoDB."""

_INSIGHTS = "containerInsights"
"""Publishes how many tasks run, by which the service is scaled."""

_INCLUDED_GIB = 20
"""Ephemeral storage that a task has without asking; ECS accepts no request for as little."""


@dataclass(frozen=True)
class FargateCompute(Compute):
    """A compute for jobs with libraries that do not fit into a function, or more memory or storage than it has."""

    visibility_timeout_seconds = VISIBILITY_SECONDS

    args: FargateArgs

    def run(self, name: str, jobs: Jobs, opts: pulumi.ResourceOptions) -> aws.iam.Role:
        """Create cluster, task definition, service and scaling; returns the role of the tasks."""
        return Workers(f"{name}-workers", self.args, jobs, opts).role


@dataclass(frozen=True)
class _Cluster:
    arn: pulumi.Output[str]
    capacity: Sequence[pulumi.Resource]
    """What tasks need to be placed; empty for a cluster that is given."""


class Workers(pulumi.ComponentResource):
    """A service that runs the worker in private subnets, and scales it with the queue."""

    role: aws.iam.Role
    """The role of the tasks."""

    def __init__(self, name: str, args: FargateArgs, jobs: Jobs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:Workers", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        log_group = aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=args.log_retention_days, opts=child)
        cluster = self._cluster(name) if args.fargate_cluster_arn is None else self._given(args.fargate_cluster_arn)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust(iam.ECS_TASKS), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(f"{name}-policy", *jobs.permissions.all, iam.protect_tasks(cluster.arn)),
            opts=child,
        )
        execution_role, execution_policy = self._execution_role(f"{name}-start", args, log_group)
        task = self._task_definition(name, args, jobs, log_group=log_group, role=role, execution_role=execution_role)
        service = self._service(name, args, cluster, task, [policy, execution_policy])
        BacklogScaling(f"{name}-scaling", args, jobs.queue_arn, service, child)
        self.role = role
        self.register_outputs({})

    def _cluster(self, name: str) -> _Cluster:
        child = pulumi.ResourceOptions(parent=self)
        cluster = aws.ecs.Cluster(name, settings=[{"name": _INSIGHTS, "value": "enabled"}], opts=child)
        capacity = aws.ecs.ClusterCapacityProviders(
            name, cluster_name=cluster.name, capacity_providers=["FARGATE", "FARGATE_SPOT"], opts=child
        )
        return _Cluster(cluster.arn, [capacity])

    def _given(self, arn: pulumi.Input[str]) -> _Cluster:
        name = pulumi.Output.from_input(arn).apply(lambda known: known.rpartition("/")[2])
        found = aws.ecs.get_cluster_output(cluster_name=name, opts=pulumi.InvokeOutputOptions(parent=self))
        known = pulumi.Output.all(arn, found.arn, found.status, found.settings)
        return _Cluster(known.apply(lambda each: _usable(*each)), [])

    def _execution_role(
        self, name: str, args: FargateArgs, log_group: aws.cloudwatch.LogGroup
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        """Make the role with which ECS starts tasks: it pulls the image and creates log streams."""
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust(iam.ECS_TASKS), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-policy", iam.write_logs(log_group.arn), *iam.pull_image(args.worker_image or "")
            ),
            opts=child,
        )
        return role, policy

    def _task_definition(
        self,
        name: str,
        args: FargateArgs,
        jobs: Jobs,
        *,
        log_group: aws.cloudwatch.LogGroup,
        role: aws.iam.Role,
        execution_role: aws.iam.Role,
    ) -> aws.ecs.TaskDefinition:
        region = aws.get_region_output(opts=pulumi.InvokeOutputOptions(parent=self)).region
        own: Mapping[str, pulumi.Input[str]] = {
            **jobs.environment,
            "WORKER_MEMORY_MB": str(args.fargate_memory_mb),
            "WORKER_JOB_MEMORY_MB": str(args.memory_mb),
            "WORKER_JOB_SECONDS": str(args.timeout_seconds),
            "WORKER_STOP_SECONDS": str(STOP_SECONDS),
            "LOG_LEVEL": args.log_level,
            "AWS_DEFAULT_REGION": region,  # what boto3 reads
        }
        container = {
            "name": "worker",
            "image": args.worker_image,
            "essential": True,
            "environment": jobs.worker_variables(own).apply(_as_pairs),
            "readonlyRootFilesystem": True,
            # The Dockerfile declares the folder as a volume, so that the worker's user owns it.
            "mountPoints": [{"sourceVolume": "workspaces", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
            "linuxParameters": {"initProcessEnabled": True},  # collects processes that a processor leaves behind
            "stopTimeout": STOP_SECONDS,
            "healthCheck": {
                "command": ["CMD", "python", "-m", "handlers.entries.worker_health"],
                "interval": 30,
                "timeout": 10,
                "retries": 3,
                "startPeriod": 60,
            },
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": log_group.name,
                    "awslogs-region": region,
                    "awslogs-stream-prefix": "worker",
                },
            },
        }
        return aws.ecs.TaskDefinition(
            name,
            family=name,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.fargate_cpu),
            memory=str(args.fargate_memory_mb),
            ephemeral_storage=_storage(args.fargate_storage_gib),
            runtime_platform={"cpu_architecture": "ARM64", "operating_system_family": "LINUX"},
            execution_role_arn=execution_role.arn,
            task_role_arn=role.arn,
            volumes=[{"name": "workspaces"}],
            container_definitions=pulumi.Output.json_dumps([container]),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _service(
        self,
        name: str,
        args: FargateArgs,
        cluster: _Cluster,
        task: aws.ecs.TaskDefinition,
        policies: list[aws.iam.RolePolicy],
    ) -> aws.ecs.Service:
        child = pulumi.ResourceOptions(parent=self)
        network = Network(f"{name}-network", args, SERVICES, child)
        weights = {"FARGATE": args.fargate_weight, "FARGATE_SPOT": args.fargate_spot_weight}
        return aws.ecs.Service(
            name,
            cluster=cluster.arn,
            task_definition=task.arn,
            desired_count=args.fargate_min_tasks,
            capacity_provider_strategies=[
                {"capacity_provider": provider, "weight": weight} for provider, weight in weights.items() if weight
            ],
            network_configuration={
                "subnets": network.subnet_ids,
                "security_groups": network.security_group_ids,
                "assign_public_ip": False,
            },
            availability_zone_rebalancing="DISABLED",  # it would stop tasks in their jobs
            deployment_circuit_breaker={"enable": True, "rollback": True},
            force_new_deployment=True,  # otherwise the provider replaces the service when a weight changes
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            # Auto scaling sets the count. Without permissions, tasks of the first deployment would fail.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["desired_count"], depends_on=[*cluster.capacity, *policies]
            ),
        )


def _usable(arn: str, arn_here: str, status: str, settings: Sequence[Mapping[str, str]]) -> str:
    """Return a given cluster's ARN; raises ArgumentError where its tasks would not run, or not be scaled.

    `arn_here` is that of the cluster that has the name in the account and region of the deployment.
    """
    if arn != arn_here:
        raise ArgumentError(
            f"Workers: fargate_cluster_arn is {arn}, but must be in the account and region of the deployment, where "
            f"the cluster of this name is {arn_here}; give another cluster, or leave it out, so that one is made."
        )
    if status != "ACTIVE":
        raise ArgumentError(
            f"Workers: fargate_cluster_arn is {arn}, and its status is {status}, but must be ACTIVE; give another "
            "cluster, or leave it out, so that one is made."
        )
    if not any(each["name"] == _INSIGHTS and each["value"] in {"enabled", "enhanced"} for each in settings):
        raise ArgumentError(
            f"Workers: fargate_cluster_arn is {arn}, and Container Insights is disabled there, but tasks are scaled by "
            f"its metrics; run `aws ecs update-cluster-settings --cluster {arn} --settings "
            f"name={_INSIGHTS},value=enabled`, or give another cluster."
        )
    return arn


def _storage(gibibytes: int) -> aws.ecs.TaskDefinitionEphemeralStorageArgsDict | None:
    return {"size_in_gib": gibibytes} if gibibytes > _INCLUDED_GIB else None


def _as_pairs(variables: Mapping[str, str]) -> list[dict[str, str]]:
    """Write variables as a container definition has them, in an order that does not change."""
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]
