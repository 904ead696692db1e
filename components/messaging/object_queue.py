"""The building block between events and jobs: a rule, the queue that its events arrive in, and the queue of jobs.

rule, or topic of S3's notifications --> arrivals --> group_arrivals, which knows the owner --> queue of jobs
Behind all of them is one dead-letter queue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam
from components.arguments.shared import LogArgs
from components.messaging.arrivals import MESSAGE_SECONDS, Arrivals, ArrivalsArgs


@dataclass(frozen=True, kw_only=True)
class ObjectQueueArgs:
    """The arguments of an object queue."""

    event_pattern: Mapping[str, Any]
    """EventBridge pattern. Each matching event of the default bus becomes a message, if there is no topic."""
    topic_arn: pulumi.Input[str] | None = None
    """Topic of S3's notifications; None to take events of the default bus."""
    visibility_timeout_seconds: int
    """Seconds for which a delivered message is hidden."""
    max_attempts: int
    """Deliveries after which SQS moves a message to the dead-letter queue."""
    log: LogArgs
    """Level and retention of functions' logs."""
    archive_days: int | None = None
    """Days for which the events are archived; None for not at all."""


class ObjectQueue(pulumi.ComponentResource):
    """A queue that loses no event. Events that cannot be delivered or processed are kept for 14 days."""

    queue_url: pulumi.Output[str]
    """URL of the queue."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue."""
    dead_letter_queue_url: pulumi.Output[str]
    """URL of the queue of failed messages."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of the queue of failed messages."""
    rule_name: pulumi.Output[str]
    """Name of the rule that matches the events."""
    rule_arn: pulumi.Output[str]
    """ARN of the rule."""
    archive_arn: pulumi.Output[str]
    """ARN of the events' archive; empty where they are not archived."""

    def __init__(self, name: str, args: ObjectQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:ObjectQueue", name, {}, opts)
        queue, dead_letter_queue = self._queues(name, args)
        arrivals = Arrivals(
            f"{name}-arrivals",
            ArrivalsArgs(
                queue_url=queue.url, queue_arn=queue.arn, dead_letter_queue_arn=dead_letter_queue.arn, log=args.log
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self._allow_redrive(name, dead_letter_queue, queue.arn, arrivals.queue_arn)
        delivers: pulumi.Resource
        self.rule_name = self.rule_arn = self.archive_arn = pulumi.Output.from_input("")
        if args.topic_arn is None:
            rule = self._rule(name, args)
            delivers = self._deliver_events(name, rule, arrivals, dead_letter_queue)
            self.rule_name, self.rule_arn = rule.name, rule.arn
            self.archive_arn = self._archive(name, args, rule)
        else:
            delivers = self._deliver_notifications(name, args.topic_arn, arrivals, dead_letter_queue)
        aws.sqs.QueuePolicy(
            f"{name}-objects-policy",
            queue_url=queue.url,
            policy=iam.queue_policy(f"{name}-objects-policy", iam.refuse_plain_http(queue.arn, "sqs:*")),
            # A stack that was made before sends its events here until the target has changed.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[delivers]),
        )
        self.queue_url = queue.url
        self.queue_arn = queue.arn
        self.dead_letter_queue_url = dead_letter_queue.url
        self.dead_letter_queue_arn = dead_letter_queue.arn
        self.register_outputs(
            {
                "queue_url": self.queue_url,
                "queue_arn": self.queue_arn,
                "dead_letter_queue_url": self.dead_letter_queue_url,
                "dead_letter_queue_arn": self.dead_letter_queue_arn,
                "rule_name": self.rule_name,
                "rule_arn": self.rule_arn,
                "archive_arn": self.archive_arn,
            }
        )

    def _queues(self, name: str, args: ObjectQueueArgs) -> tuple[aws.sqs.Queue, aws.sqs.Queue]:
        child = pulumi.ResourceOptions(parent=self)
        dead_letter_queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            message_retention_seconds=MESSAGE_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        queue = aws.sqs.Queue(
            f"{name}-objects",
            # Messages have keys, no content. A customer's key would have to allow EventBridge in its policy.
            sqs_managed_sse_enabled=True,
            visibility_timeout_seconds=args.visibility_timeout_seconds,
            message_retention_seconds=MESSAGE_SECONDS,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead_letter_queue.arn, "maxReceiveCount": args.max_attempts}
            ),
            opts=child,
        )
        return queue, dead_letter_queue

    def _allow_redrive(self, name: str, dead_letter_queue: aws.sqs.Queue, *source_arns: pulumi.Input[str]) -> None:
        aws.sqs.RedriveAllowPolicy(
            f"{name}-dead-letters-of-objects",
            queue_url=dead_letter_queue.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": list(source_arns)}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _rule(self, name: str, args: ObjectQueueArgs) -> aws.cloudwatch.EventRule:
        return aws.cloudwatch.EventRule(
            # Keep the name independent of the pattern: replacing the rule would drop events.
            f"{name}-object-events",
            description="Objects that clients have sent, or that were scanned then",
            event_pattern=pulumi.Output.json_dumps(args.event_pattern),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _archive(self, name: str, args: ObjectQueueArgs, rule: aws.cloudwatch.EventRule) -> pulumi.Output[str]:
        """Archive the events that the rule matches. EventBridge archives no event that is replayed."""
        if args.archive_days is None:
            return pulumi.Output.from_input("")
        return aws.cloudwatch.EventArchive(
            f"{name}-events",
            description="Events of uploads' objects",
            event_source_arn=rule.arn.apply(_default_bus_of),
            event_pattern=pulumi.Output.json_dumps(args.event_pattern),
            retention_days=args.archive_days,
            opts=pulumi.ResourceOptions(parent=self),
        ).arn

    def _deliver_events(
        self,
        name: str,
        rule: aws.cloudwatch.EventRule,
        arrivals: Arrivals,
        dead_letter_queue: aws.sqs.Queue,
    ) -> aws.cloudwatch.EventTarget:
        policies = self._let_in(name, arrivals, dead_letter_queue, lambda arn: iam.send_from_rule(arn, rule.arn))
        return aws.cloudwatch.EventTarget(
            f"{name}-object-events-to-queue",
            rule=rule.name,
            arn=arrivals.queue_arn,
            dead_letter_config={"arn": dead_letter_queue.arn},
            # EventBridge drops events that it may not deliver, so the permission comes first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=policies),
        )

    def _deliver_notifications(
        self, name: str, topic_arn: pulumi.Input[str], arrivals: Arrivals, dead_letter_queue: aws.sqs.Queue
    ) -> aws.sns.TopicSubscription:
        policies = self._let_in(name, arrivals, dead_letter_queue, lambda arn: iam.send_from_topic(arn, topic_arn))
        return aws.sns.TopicSubscription(
            f"{name}-arrivals-of-topic",
            topic=topic_arn,
            protocol="sqs",
            endpoint=arrivals.queue_arn,
            raw_message_delivery=True,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead_letter_queue.arn}),
            opts=pulumi.ResourceOptions(parent=self, depends_on=policies),
        )

    def _let_in(
        self,
        name: str,
        arrivals: Arrivals,
        dead_letter_queue: aws.sqs.Queue,
        sender: Callable[[pulumi.Input[str]], iam.Statement],
    ) -> list[aws.sqs.QueuePolicy]:
        """Let one sender fill the queue of arrivals, and the dead-letter queue with what it cannot deliver."""
        return [
            aws.sqs.QueuePolicy(
                f"{name}-{purpose}-policy",
                queue_url=url,
                policy=iam.queue_policy(f"{name}-{purpose}-policy", sender(arn), iam.refuse_plain_http(arn, "sqs:*")),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for purpose, url, arn in (
                ("arrivals", arrivals.queue_url, arrivals.queue_arn),
                ("dead-letters", dead_letter_queue.url, dead_letter_queue.arn),
            )
        ]


def _default_bus_of(rule_arn: str) -> str:
    return f"{rule_arn.rpartition(':')[0]}:event-bus/default"
