"""A malware scan's result can be put on the bus.

AWS: takes events of `aws.` sources from its own services alone.
Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
MiniStack: so too, but it has no GuardDuty that could put any.
Here: whoever may put events may speak for GuardDuty, and for no other service.
"""

from collections.abc import Callable
from typing import Any

from local.emulator import patching

_SOURCE = "aws.guardduty"


def patch() -> None:
    """Let GuardDuty's events through where there are no others with them."""
    patching.replace("ministack.services.eventbridge", "_put_events", _speaking_for_guardduty)


def _speaking_for_guardduty(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_events(data: dict[str, Any], *, allow_aws_source: bool = False) -> Any:
        sources = {entry.get("Source") for entry in data.get("Entries", [])}
        return original(data, allow_aws_source=allow_aws_source or sources == {_SOURCE})

    return put_events
