"""What the steps of the workflow share: their environment and clients, and what the state machine hands to each."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.environment import read_environment
from handlers.domain.declaration import UploadRequest
from handlers.processors import JobEnvironment, load_processor
from handlers.processors.child_process import call_in_child, run_in_child
from handlers.processors.routing import processor_for, read_rules
from handlers.storage.job_queue import Delivery, Message
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import IsolatedWork
from handlers.use_cases.lease import Bounds
from handlers.use_cases.workflow_steps import WorkflowSteps

_RENEWAL = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1})

_RUN = "execution"
"""Begins the run id of all steps; the execution's name follows."""


@cache
def _environment() -> JobEnvironment:
    return read_environment(JobEnvironment)


@cache
def _records() -> UploadStore:
    return UploadStore(Boto3Json(boto3.client("dynamodb")), _environment().uploads_table)


@cache
def _renewals() -> UploadStore:
    """Return the table for renewals, which run in child processes. This process never uses its client."""
    return UploadStore(Boto3Json(boto3.client("dynamodb", config=_RENEWAL)), _environment().uploads_table)


@cache
def _objects() -> ObjectStore:
    """Return the store for the child processes. This process never uses its client, so they share no connection."""
    env = _environment()
    return ObjectStore(boto3.client("s3"), env.results_bucket, env.quarantine_bucket or None)


@cache
def _results() -> ObjectStore:
    return ObjectStore(boto3.client("s3"), _environment().results_bucket)


def delivery_in(payload: Mapping[str, Any]) -> Delivery:
    """Return the event that the execution is for, with the number of this try of the step."""
    return Delivery.of(Message.from_step(payload), _RUN)


def routed(declared: UploadRequest) -> str:
    """Return the processor that the pipeline's rules choose for an upload."""
    env = _environment()
    return processor_for(declared.file_name, declared.content_type, read_rules(env.processors), env.processor)


def steps(context: Any, processor: str = "") -> WorkflowSteps:
    """Return the use case; only its method `process` needs a processor."""
    env = _environment()
    return WorkflowSteps(
        records=_records(),
        renewals=_renewals(),
        bucket=env.ingest_bucket,
        results=_results(),
        work=IsolatedWork(
            objects=_objects(),
            load_processor=lambda _declared: load_processor(processor),
            process_unscannable=env.unscannable_objects == "process",
            allowed_content_types=env.allowed_content_types,
        ),
        max_attempts=env.max_attempts,
        requires_scan=env.malware_scan == "required",
        clock=lambda: datetime.now(UTC),
        bounds=Bounds(
            lambda: context.get_remaining_time_in_millis() / 1000, seconds=time.monotonic, within=call_in_child
        ),
        isolated=run_in_child,
    )
