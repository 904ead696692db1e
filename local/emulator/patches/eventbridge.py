"""Patch of EventBridge: a client can send GuardDuty's events.

AWS: only AWS services can send events with a source that begins with `aws.`.
Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
MiniStack: has the same rule, but no GuardDuty that could send the result of a malware scan.
Here: PutEvents also accepts events of GuardDuty, and of no other service.
"""

from collections.abc import Callable
from typing import Any

from local.emulator import patching

_GUARDDUTY = "aws.guardduty"


def patch() -> None:
    """Accept requests with GuardDuty's events only."""
    patching.replace("ministack.services.eventbridge", "_put_events", _with_guardduty)


def _with_guardduty(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_events(data: dict[str, Any], *, allow_aws_source: bool = False) -> Any:
        sources = {entry.get("Source") for entry in data.get("Entries", [])}
        return original(data, allow_aws_source=allow_aws_source or sources == {_GUARDDUTY})

    return put_events
