"""The event of a created object names its version.

AWS: `detail.object.version-id`, where the bucket has versions.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
MiniStack: knows the version, and leaves it out of the EventBridge event.
Here: it is put in.
"""

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from local.emulator import patching

_version_id: ContextVar[str | None] = ContextVar("version_id", default=None)


def patch() -> None:
    """Remember the version while MiniStack makes an object's event, and add it to what EventBridge gets."""
    patching.replace("ministack.services.s3", "_fire_s3_event", _remembering_version)
    patching.replace("ministack.services.eventbridge", "_dispatch_event", _with_version)


def _remembering_version(original: Callable[..., None]) -> Callable[..., None]:
    def fire(*arguments: Any, version_id: str | None = None, **more: Any) -> None:
        token = _version_id.set(version_id)
        try:
            original(*arguments, version_id=version_id, **more)
        finally:
            _version_id.reset(token)

    return fire


def _with_version(original: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(event: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        version_id = _version_id.get()
        if version_id and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        return original(event, *arguments, **more)

    return dispatch
