"""The Lambda that a schedule invokes to bring uploads that are open for long to their end."""

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.environment import read_environment
from handlers.aws.metric_log import STUCK_UPLOADS, write_record
from handlers.domain.delays import Waits
from handlers.entries.clients import multipart_start
from handlers.storage.job_queue import JobQueue
from handlers.storage.malware_scans import MalwareScans
from handlers.storage.objects import UploadedObjects
from handlers.storage.open_uploads import OpenUploads
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.reconcile_uploads import STUCK, Outcome, ReconcileUploads

_TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
"""A call that hangs ends well within the use case's RESERVED_SECONDS."""

_DONE, _ERROR = 200, 500


class ReconcilerEnvironment(NamedTuple):
    """The environment variables that the Reconciler component sets."""

    uploads_table: str
    ingest_bucket: str
    queue_url: str
    malware_scan: str
    """`required` where objects are processed only by the event of their scan, or `off`."""
    concurrency_limit: int
    grace_seconds: int
    """Of Waits, as is again_after_seconds."""
    again_after_seconds: int


@cache
def _environment() -> ReconcilerEnvironment:
    return read_environment(ReconcilerEnvironment)


@cache
def _database() -> Boto3Json:
    return Boto3Json(boto3.client("dynamodb", config=_TIMEOUTS))


@cache
def _objects() -> UploadedObjects:
    return UploadedObjects(boto3.client("s3", config=_TIMEOUTS), _environment().ingest_bucket)


@cache
def _queue() -> JobQueue:
    return JobQueue(boto3.client("sqs", config=_TIMEOUTS), _environment().queue_url)


@cache
def _scans() -> MalwareScans | None:
    if _environment().malware_scan != "required":
        return None
    return MalwareScans(Boto3Json(boto3.client("guardduty", config=_TIMEOUTS)))


def handle(_event: object, context: Any) -> None:
    """Do one run, and write its record."""
    began_at, env = time.perf_counter(), _environment()
    found = ReconcileUploads(
        open_uploads=OpenUploads(_database(), env.uploads_table),
        records=UploadStore(_database(), env.uploads_table),
        objects=_objects(),
        multipart_start=multipart_start(env.ingest_bucket),
        queue=_queue(),
        scans=_scans(),
        concurrency_limit=env.concurrency_limit,
        waits=Waits(timedelta(seconds=env.grace_seconds), timedelta(seconds=env.again_after_seconds)),
        clock=lambda: datetime.now(UTC),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    ).run()
    write_record(
        "reconcileUploads",
        {STUCK_UPLOADS: sum(found[each] for each in STUCK), **{each: found[each] for each in Outcome}},
        status=_ERROR if found[Outcome.ERROR] else _DONE,
        began_at=began_at,
        request_id=context.aws_request_id,
    )
