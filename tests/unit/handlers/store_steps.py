"""Every step that the store records, and every state that it may find."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handlers.uploads.model import UploadRef
from handlers.uploads.store import UploadStore
from tests.unit.handlers.cloud import LATER, REF, RESULTS

VERSION, ANOTHER_VERSION = "v1", "v2"
HOLDER, OTHER = "job-1", "job-2"
RESULT = {"bucket": RESULTS, "key": REF.result_key}
FAILURE = {"code": "unprocessable", "detail": "It is no picture."}
BEFORE: dict[str, dict[str, Any]] = {
    "pending": {"status": "pending", "version": 1},
    "uploaded": {"status": "uploaded", "version": 2, "object_version": VERSION},
    "processing": {"status": "processing", "version": 3, "object_version": VERSION, "job_id": HOLDER},
    "completed": {"status": "completed", "version": 4, "object_version": VERSION, "job_id": HOLDER, "result": RESULT},
    "failed": {
        "status": "failed",
        "version": 4,
        "object_version": VERSION,
        "job_id": HOLDER,
        "failure": {"code": "c", "detail": "Earlier."},
    },
    "rejected": {
        "status": "rejected",
        "version": 4,
        "job_id": HOLDER,
        "rejection": {"code": "c", "detail": "Earlier."},
    },
    "aborted": {"status": "aborted", "version": 2},
    "a state of a later release": {"status": "quarantined", "version": 3, "job_id": HOLDER},
}
"""An upload's record in every state that it may be found in."""


@dataclass(frozen=True)
class Step:
    """One call of the store, and the attributes that it sets where it is allowed."""

    call: Callable[[UploadStore, UploadRef], object]
    sets: dict[str, Any]


STEPS = {
    "uploaded": Step(
        lambda store, ref: store.record_uploaded(ref, LATER, version_id=VERSION),
        {"status": "uploaded", "object_version": VERSION},
    ),
    "processing by the holder": Step(
        lambda store, ref: store.record_processing(ref, LATER, job_id=HOLDER, version_id=VERSION),
        {"status": "processing", "job_id": HOLDER},
    ),
    "processing by another job": Step(
        lambda store, ref: store.record_processing(ref, LATER, job_id=OTHER, version_id=VERSION),
        {"status": "processing", "job_id": OTHER},
    ),
    "completed by the holder": Step(
        lambda store, ref: store.record_completed(ref, LATER, job_id=HOLDER, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "completed by another job": Step(
        lambda store, ref: store.record_completed(ref, LATER, job_id=OTHER, result_bucket=RESULTS),
        {"status": "completed", "result": RESULT},
    ),
    "failed by the holder": Step(
        lambda store, ref: store.record_failed(ref, LATER, job_id=HOLDER, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "failed by another job": Step(
        lambda store, ref: store.record_failed(ref, LATER, job_id=OTHER, **FAILURE),
        {"status": "failed", "failure": FAILURE},
    ),
    "rejected by the holder": Step(
        lambda store, ref: store.record_rejected(ref, LATER, job_id=HOLDER, **FAILURE),
        {"status": "rejected", "rejection": FAILURE},
    ),
    "rejected by another job": Step(
        lambda store, ref: store.record_rejected(ref, LATER, job_id=OTHER, **FAILURE),
        {"status": "rejected", "rejection": FAILURE},
    ),
    "processing of another version": Step(
        lambda store, ref: store.record_processing(ref, LATER, job_id=HOLDER, version_id=ANOTHER_VERSION),
        {"status": "processing", "job_id": HOLDER},
    ),
    "aborted": Step(lambda store, ref: store.record_aborted(ref, LATER), {"status": "aborted"}),
}
