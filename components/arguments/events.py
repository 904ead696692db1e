"""The arguments of the events that start jobs."""

from collections.abc import Callable

import pulumi

from components.arguments import limits
from components.arguments.constraints import Range
from components.arguments.declaration import Arguments, argument

MOST_TARGETS = 5
"""EventBridge's limit for a rule (EventBridge quotas)."""


class EventArgs(Arguments):
    """Arguments of ProcessingPipeline about the events of objects."""

    notification_topic_arn: pulumi.Input[str] | None = argument(limits.TOPIC_ARN, default=None)
    """ARN of UploadApi's topic of S3's notifications. The trigger `s3-notifications` needs it."""
    event_targets: list[pulumi.Input[str]] = argument(limits.EVENT_TARGETS, default=[])
    """ARNs of what gets each event of an upload's object as well, at most 4.

    EventBridge sends by a role that the pipeline makes. It keeps what it cannot deliver in a dead-letter queue. A
    target that is encrypted with a KMS key of yours needs this role in the key's policy.
    """
    archive_days: int | None = argument(
        Range(1, 3_650, "ten years; an archive is for lost events, not for records"), default=None
    )
    """Days for which EventBridge archives the events, so that they can be replayed; if omitted, not at all."""

    def event_conflicts(self, spelled: Callable[[str], str]) -> list[str]:
        """Return why these arguments cannot be used, with `spelled` names."""
        name, targets = spelled("event_targets"), self.event_targets
        if len(targets) >= MOST_TARGETS:
            conflict = (
                f"{name} has {len(targets)} targets, but must have at most {MOST_TARGETS - 1}: EventBridge takes "
                f"{MOST_TARGETS} for a rule, and one is the pipeline's own. Send to a bus or a topic, which has more."
            )
            return [conflict]
        doubled = [arn if isinstance(arn, str) else "an Output" for arn in targets if targets.count(arn) > 1]
        return [f"{name} has {doubled[0]} twice; leave one out."] if doubled else []
