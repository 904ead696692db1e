"""Scales an ECS service by the messages of its queue for each task.

AWS/SQS and ECS/ContainerInsights --> target tracking: tasks so that each has its share of the messages
                                  --> from zero tasks: an alarm that starts the first one
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments.fargate import FargateArgs

SCALE_OUT_SECONDS, SCALE_IN_SECONDS = 60, 300
"""Between two changes of the number of tasks."""


@dataclass(frozen=True)
class _Metric:
    id: str
    namespace: str
    name: str
    dimensions: dict[str, pulumi.Input[str]]


class BacklogScaling(pulumi.ComponentResource):
    """The scaling of a service between its least and most tasks, which may be none."""

    def __init__(
        self,
        name: str,
        args: FargateArgs,
        queue_arn: pulumi.Input[str],
        service: aws.ecs.Service,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("portage:index:BacklogScaling", name, {}, opts)
        cluster_name = service.cluster.apply(lambda arn: arn.rpartition("/")[2])
        target = aws.appautoscaling.Target(
            name,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", cluster_name, "/", service.name),
            min_capacity=args.fargate_min_tasks,
            max_capacity=args.fargate_max_tasks,
            opts=pulumi.ResourceOptions(parent=self),
        )
        queue = {"QueueName": pulumi.Output.from_input(queue_arn).apply(lambda arn: arn.rpartition(":")[2])}
        waiting = _Metric("waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {**queue})
        processed = _Metric("processed", "AWS/SQS", "ApproximateNumberOfMessagesNotVisible", {**queue})
        tasks = _Metric(
            "tasks",
            "ECS/ContainerInsights",
            "RunningTaskCount",
            {"ClusterName": cluster_name, "ServiceName": service.name},
        )
        self._track(f"{name}-backlog", args.fargate_backlog_per_task, target, [waiting, processed, tasks])
        if args.fargate_min_tasks == 0:
            self._start_from_zero(f"{name}-first", target, [waiting, tasks])
        self.register_outputs({})

    def _track(self, name: str, backlog_per_task: int, target: aws.appautoscaling.Target, known: list[_Metric]) -> None:
        """Keep the messages for each task near a number.

        Hidden messages count, because they are being processed. Otherwise tasks would be stopped in their jobs.
        """
        aws.appautoscaling.Policy(
            name,
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            policy_type="TargetTrackingScaling",
            target_tracking_scaling_policy_configuration={
                "target_value": backlog_per_task,
                "scale_in_cooldown": SCALE_IN_SECONDS,
                "scale_out_cooldown": SCALE_OUT_SECONDS,
                "customized_metric_specification": {
                    "metrics": [
                        *(
                            {
                                "id": each.id,
                                "return_data": False,
                                "metric_stat": {
                                    "stat": "Average",
                                    "metric": {
                                        "namespace": each.namespace,
                                        "metric_name": each.name,
                                        "dimensions": [
                                            {"name": key, "value": value} for key, value in each.dimensions.items()
                                        ],
                                    },
                                },
                            }
                            for each in known
                        ),
                        {
                            "id": "backlog",
                            "label": "Messages for each task",
                            "expression": "(waiting + processed) / tasks",
                            "return_data": True,
                        },
                    ]
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _start_from_zero(self, name: str, target: aws.appautoscaling.Target, known: list[_Metric]) -> None:
        """Start the first task when a message waits, because without tasks there are no messages for each task."""
        policy = aws.appautoscaling.Policy(
            name,
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            policy_type="StepScaling",
            step_scaling_policy_configuration={
                "adjustment_type": "ChangeInCapacity",
                "cooldown": SCALE_OUT_SECONDS,
                "metric_aggregation_type": "Maximum",
                "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.cloudwatch.MetricAlarm(
            name,
            alarm_description="Messages wait and no task runs: the first task is started",
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            metric_queries=[
                *(
                    {
                        "id": each.id,
                        "return_data": False,
                        "metric": {
                            "namespace": each.namespace,
                            "metric_name": each.name,
                            "dimensions": each.dimensions,
                            "period": 60,
                            "stat": "Maximum",
                        },
                    }
                    for each in known
                ),
                {
                    "id": "unattended",
                    "label": "Messages that wait while no task runs",
                    "expression": "IF(FILL(tasks, 0) < 1, waiting, 0)",
                    "return_data": True,
                },
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
