"""The building block for alarms: each one notifies a topic, which is made here unless one is given."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from handlers.aws.metric_log import NAMESPACE, STUCK_UPLOADS

SQS_PERIOD_SECONDS = 300
"""SQS sends its metrics every minute, but up to 15 minutes late for a queue that was idle (SQS guide, "Monitoring")."""


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """What is watched."""

    topic_arn: pulumi.Input[str] | None
    """Topic that the alarms notify; None to make one."""
    queue_arn: pulumi.Input[str]
    """Queue of jobs."""
    oldest_message_seconds: int
    """Age of a message in the queue that needs attention."""
    dead_letter_queue_arns: Mapping[str, pulumi.Input[str]]
    """By what is in them, in words for a resource's name. None of them should hold a message."""
    reconciler_name: pulumi.Input[str]
    """Name of the function that counts stuck uploads."""
    reconcile_minutes: int
    """Minutes between two runs of it."""


class Alarms(pulumi.ComponentResource):
    """Alarms on dead letters, on the age of the oldest message and on stuck uploads."""

    topic_arn: pulumi.Output[str]
    """Topic that they notify. Subscribe to it."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:Alarms", name, {}, opts)
        given = args.topic_arn
        self.topic_arn = self._topic(name, args.queue_arn) if given is None else pulumi.Output.from_input(given)
        for what, arn in args.dead_letter_queue_arns.items():
            self._queue_alarm(
                f"{name}-{what}",
                arn,
                metric_name="ApproximateNumberOfMessagesVisible",
                threshold=0,
                description="Messages are in a dead-letter queue: uploads have failed, or wait for the reconciler. Fix "
                "the cause, and redrive them",
            )
        self._queue_alarm(
            f"{name}-oldest-message",
            args.queue_arn,
            metric_name="ApproximateAgeOfOldestMessage",
            threshold=args.oldest_message_seconds,
            description="A message waits longer than all its attempts take: the jobs do not keep up with the uploads",
        )
        aws.cloudwatch.MetricAlarm(
            f"{name}-stuck-uploads",
            alarm_description="Uploads did not reach their end, so reconcile_uploads requeued or failed them",
            namespace=NAMESPACE,
            metric_name=STUCK_UPLOADS,
            dimensions={"function": args.reconciler_name},
            statistic="Sum",
            period=args.reconcile_minutes * 60,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic_arn],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"topic_arn": self.topic_arn})

    def _queue_alarm(
        self, name: str, queue_arn: pulumi.Input[str], *, metric_name: str, threshold: int, description: str
    ) -> None:
        aws.cloudwatch.MetricAlarm(
            name,
            alarm_description=description,
            namespace="AWS/SQS",
            metric_name=metric_name,
            dimensions={"QueueName": pulumi.Output.from_input(queue_arn).apply(lambda arn: arn.split(":")[-1])},
            statistic="Maximum",
            period=SQS_PERIOD_SECONDS,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=threshold,
            treat_missing_data="notBreaching",  # SQS sends no metrics for a queue that is idle for 6 hours
            alarm_actions=[self.topic_arn],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _topic(self, name: str, arn_of_the_account: pulumi.Input[str]) -> pulumi.Output[str]:
        """Make a topic, and its key: CloudWatch may not use AWS's own key for SNS."""
        child = pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts notifications of alarms",
            enable_key_rotation=True,
            policy=iam.key_policy(
                f"{name}-key", iam.administer_key(arn_of_the_account), iam.encrypt_alarms(arn_of_the_account)
            ),
            opts=child,
        )
        topic = aws.sns.Topic(name, kms_master_key_id=key.arn, opts=child)
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=iam.topic_policy(
                f"{name}-policy", iam.publish_alarms(topic.arn), iam.refuse_plain_http(topic.arn, "sns:Publish")
            ),
            opts=child,
        )
        # An output of topic and policy: otherwise an alarm could ring before it may notify.
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda both: both[0])
