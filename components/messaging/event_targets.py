"""The building block that sends the events of objects to others as well, beside the pipeline's own queue."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import iam
from components.messaging.arrivals import MESSAGE_SECONDS

_LETTERS = "abcd"


@dataclass(frozen=True, kw_only=True)
class EventTargetsArgs:
    """The arguments of event targets."""

    rule_name: pulumi.Input[str]
    """Rule that matches the events."""
    rule_arn: pulumi.Input[str]
    target_arns: Sequence[pulumi.Input[str]]
    """At most four."""


class EventTargets(pulumi.ComponentResource):
    """Targets of a rule, the role that EventBridge sends with, and a queue of the events that it could not deliver."""

    dead_letter_queue_arn: pulumi.Output[str]
    """Events that were not delivered to a target."""

    def __init__(self, name: str, args: EventTargetsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:EventTargets", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        dead_letter_queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            message_retention_seconds=MESSAGE_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        queue_policy = aws.sqs.QueuePolicy(
            f"{name}-dead-letters-policy",
            queue_url=dead_letter_queue.url,
            policy=iam.queue_policy(
                f"{name}-dead-letters-policy",
                iam.send_from_rule(dead_letter_queue.arn, args.rule_arn),
                iam.refuse_plain_http(dead_letter_queue.arn, "sqs:*"),
            ),
            opts=child,
        )
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust("events.amazonaws.com"), opts=child)
        role_policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=iam.role_policy(f"{name}-policy", *map(iam.deliver_events, args.target_arns)),
            opts=child,
        )
        for letter, arn in zip(_LETTERS, args.target_arns, strict=False):
            aws.cloudwatch.EventTarget(
                f"{name}-{letter}",
                rule=args.rule_name,
                arn=arn,
                role_arn=role.arn,
                dead_letter_config={"arn": dead_letter_queue.arn},
                opts=pulumi.ResourceOptions(parent=self, depends_on=[queue_policy, role_policy]),
            )
        self.dead_letter_queue_arn = dead_letter_queue.arn
        self.register_outputs({"dead_letter_queue_arn": self.dead_letter_queue_arn})
