"""An event bus's policy allows nothing to everybody."""

from collections.abc import Iterator

from pulumi_policy import Severity

from core.iam import public_grants
from core.resources import Resource
from core.rule import rule


@rule(
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    severity=Severity.CRITICAL,
    reason="Otherwise anybody can send events that look like uploads.",
    steps="Name the accounts, or add a condition on aws:PrincipalOrgID.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html",
)
def check(resource: Resource) -> Iterator[str]:
    return public_grants(resource)
