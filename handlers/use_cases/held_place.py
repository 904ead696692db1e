"""The use case that limits how many workflows run at once: what has started one waits until it has let its upload go.

The upload's lease says so, because a workflow that was stopped does not renew it: no place is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.domain.errors import UnknownUpload
from handlers.domain.upload import TERMINAL, Status, Upload
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.lease import CLOCK_MARGIN

LOOK_SECONDS = 2.0

FIRST_LEASE = timedelta(seconds=60)
"""From the start of a workflow to its first lease, unless Lambda throttles it, or it has nothing to do."""


@dataclass(frozen=True)
class HeldPlace:
    """The place of one workflow."""

    records: UploadStore
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    seconds_left: Callable[[], float]
    """Until the waiting has to end. A workflow that takes longer gives its place to another one."""

    def hold(self, ref: UploadRef, version_id: str) -> None:
        """Return when no workflow has this version of the upload's object, or no time is left."""
        started_at = self.clock()
        while self.seconds_left() > LOOK_SECONDS:
            try:
                upload = self.records.find(ref)
            except UnknownUpload:
                return
            # A form can be sent many times. Only the first version is processed: the others must not hold places.
            if upload.object_version not in {None, version_id} or not _is_held(upload, self.clock(), started_at):
                return
            self.sleep(LOOK_SECONDS)


def _is_held(upload: Upload, now: datetime, started_at: datetime) -> bool:
    # A redrive takes an upload again that has failed before.
    failed_before = upload.status is Status.FAILED and upload.updated_at <= started_at - CLOCK_MARGIN
    if upload.status in TERMINAL and not failed_before:
        return False
    leased_by = started_at + FIRST_LEASE
    return now < max(upload.leased_until or leased_by, leased_by)
