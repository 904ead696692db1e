"""An event bus of its own has a policy."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudwatch/eventBus:EventBus",
    severity=Severity.LOW,
    reason="Everybody in the account with events:PutEvents on * can otherwise send events to it.",
    steps="Add an EventBusPolicy that names who may put events.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html",
    controls=("EventBridge.3",),
    needs_stack=True,
)
def check(resource: Resource) -> Iterator[str]:
    for kind in ("EventBusPolicy", "EventPermission"):
        token = f"aws:cloudwatch/{kind[0].lower()}{kind[1:]}:{kind}"
        if resource.stack.perhaps_attached(resource, token, "eventBusName"):
            return
    yield "No EventBusPolicy names this bus."
