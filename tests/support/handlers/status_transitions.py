"""Every step that the store records, and every state that it may find."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from handlers.domain.upload import Run
from handlers.domain.upload_ref import UploadRef
from handlers.storage.upload_store import UploadStore
from tests.support.aws.moto_cloud import LATER, LATER_ISO, REF, RESULTS

VERSION, ANOTHER_VERSION = "v1", "v2"
HOLDER, OTHER = Run("event-1", "run-1"), Run("event-2", "run-2")
REDRIVEN = Run(HOLDER.job_id, "run-3", LATER)
"""A run for a message of the holder's job that was sent after the record in BEFORE was written."""
LEASED_UNTIL = LATER + timedelta(minutes=5)
LEASED_UNTIL_ISO = "2026-02-28T12:05:07.500Z"
RUNNING = {"job_id": HOLDER.job_id, "run_id": HOLDER.run_id}
LEASE = {"job_id": OTHER.job_id, "run_id": OTHER.run_id, "leased_until": LEASED_UNTIL_ISO}
RESULT = {"bucket": RESULTS, "key": REF.result_key}
FAILURE = {"code": "unprocessable", "detail": "It is no picture."}
BEFORE: dict[str, dict[str, Any]] = {
    "pending": {"status": "pending", "version": 1},
    "uploaded": {"status": "uploaded", "version": 2, "object_version": VERSION},
    "processing": {
        "status": "processing",
        "version": 3,
        "object_version": VERSION,
        **RUNNING,
        "leased_until": "2026-02-28T12:00:07.501Z",
    },
    "processing until now": {
        "status": "processing",
        "version": 3,
        "object_version": VERSION,
        **RUNNING,
        "leased_until": LATER_ISO,
    },
    "processing of a release without leases": {
        "status": "processing",
        "version": 3,
        "object_version": VERSION,
        "job_id": "message-1",
        "updated_at": "2026-02-28T11:45:07.501Z",
    },
    "processing of a release without leases, 15 minutes ago": {
        "status": "processing",
        "version": 3,
        "object_version": VERSION,
        "job_id": "message-1",
        "updated_at": "2026-02-28T11:45:07.500Z",
    },
    "completed": {"status": "completed", "version": 4, "object_version": VERSION, **RUNNING, "result": RESULT},
    "failed": {
        "status": "failed",
        "version": 4,
        "object_version": VERSION,
        **RUNNING,
        "failure": {"code": "c", "detail": "Earlier."},
    },
    "rejected": {
        "status": "rejected",
        "version": 4,
        **RUNNING,
        "rejection": {"code": "c", "detail": "Earlier."},
    },
    "aborted": {"status": "aborted", "version": 2},
    "expired": {"status": "expired", "version": 2},
    "a state of a later release": {"status": "quarantined", "version": 3, **RUNNING},
}
"""An upload's record in every state that it may be found in."""


@dataclass(frozen=True)
class Step:
    """One call of the store, and the attributes that it sets where it is allowed."""

    call: Callable[[UploadStore, UploadRef], object]
    sets: dict[str, Any]


def take(store: UploadStore, ref: UploadRef, run: Run, version_id: str = VERSION) -> object:
    return store.record_processing(ref, LATER, run=run, leased_until=LEASED_UNTIL, version_id=version_id)


STEPS = {
    "uploaded": Step(
        lambda store, ref: store.record_uploaded(ref, LATER, version_id=VERSION),
        {"status": "uploaded", "object_version": VERSION},
    ),
    "processing by the holder": Step(
        lambda store, ref: take(store, ref, HOLDER),
        {"status": "processing", **RUNNING, "leased_until": LEASED_UNTIL_ISO},
    ),
    "processing by another run": Step(lambda store, ref: take(store, ref, OTHER), {"status": "processing", **LEASE}),
    "processing of another version": Step(
        lambda store, ref: take(store, ref, OTHER, ANOTHER_VERSION), {"status": "processing", **LEASE}
    ),
    "processing by a redrive": Step(
        lambda store, ref: take(store, ref, REDRIVEN),
        {
            "status": "processing",
            "job_id": REDRIVEN.job_id,
            "run_id": REDRIVEN.run_id,
            "leased_until": LEASED_UNTIL_ISO,
        },
    ),
    "completed by the holder": Step(
        lambda store, ref: store.record_completed(ref, LATER, run_id=HOLDER.run_id, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "failed by the holder": Step(
        lambda store, ref: store.record_failed(ref, LATER, run_id=HOLDER.run_id, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "rejected by the holder": Step(
        lambda store, ref: store.record_rejected(ref, LATER, run_id=HOLDER.run_id, **FAILURE),
        {"status": "rejected", "rejection": FAILURE},
    ),
    "completed by another run": Step(
        lambda store, ref: store.record_completed(ref, LATER, run_id=OTHER.run_id, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "failed by another run": Step(
        lambda store, ref: store.record_failed(ref, LATER, run_id=OTHER.run_id, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "rejected by another run": Step(
        lambda store, ref: store.record_rejected(ref, LATER, run_id=OTHER.run_id, **FAILURE),
        {"status": "rejected", "rejection": FAILURE},
    ),
    "aborted": Step(lambda store, ref: store.record_aborted(ref, LATER), {"status": "aborted"}),
}
