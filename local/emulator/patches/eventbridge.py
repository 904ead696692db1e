"""Patches of EventBridge: a client can send GuardDuty's events, and archives get S3's.

Events of GuardDuty
    AWS: only AWS services can send events with a source that begins with `aws.`.
    Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    MiniStack: has the same rule, but no GuardDuty that could send the result of a malware scan.
    Here: PutEvents also accepts events of GuardDuty, and of no other service.

Archives
    AWS: an archive gets each event of its bus that matches its pattern, unless it is a replay.
    Source: EventBridge user guide, "Archiving and replaying events".
    MiniStack: archives only events that clients send.
    Here: it archives S3's as well.
"""

import time
from collections.abc import Callable
from typing import Any

from local.emulator import patching

_EVENTBRIDGE = "ministack.services.eventbridge"
_GUARDDUTY = "aws.guardduty"
_S3 = "aws.s3"


def patch() -> None:
    """Accept requests with GuardDuty's events only, and archive S3's."""
    patching.replace(_EVENTBRIDGE, "_put_events", _with_guardduty)
    archive = patching.attribute(_EVENTBRIDGE, "_archive_event")
    patching.replace(_EVENTBRIDGE, "_dispatch_event", lambda original: _archived(original, archive))


def _with_guardduty(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_events(data: dict[str, Any], *, allow_aws_source: bool = False) -> Any:
        sources = {entry.get("Source") for entry in data.get("Entries", [])}
        return original(data, allow_aws_source=allow_aws_source or sources == {_GUARDDUTY})

    return put_events


def _archived(original: Callable[..., Any], archive: Callable[[dict[str, Any]], None]) -> Callable[..., Any]:
    def dispatch(event: dict[str, Any], *view: Any) -> Any:
        if event.get("Source") == _S3 and "ReplayName" not in event:
            archive({**event, "Time": int(time.time())})  # a replay compares numbers, and S3's time is text
        return original(event, *view)

    return dispatch
