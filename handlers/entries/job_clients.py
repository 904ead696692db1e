"""What the entries of all computes share for jobs: their environment and clients, and how work is set up."""

from collections.abc import Callable
from functools import cache

import boto3
from botocore.config import Config

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.environment import read_environment
from handlers.domain.declaration import UploadRequest
from handlers.processors import JobEnvironment, Processor
from handlers.processors.routing import processor_for, read_rules
from handlers.storage.objects import ObjectStore
from handlers.storage.upload_store import UploadStore
from handlers.use_cases.isolated_work import IsolatedWork

RENEWAL = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 1})
"""Of the clients that renew leases. A renewal that fails is tried again later."""


@cache
def environment() -> JobEnvironment:
    """Return the variables of a job."""
    return read_environment(JobEnvironment)


@cache
def records() -> UploadStore:
    """Return the status table."""
    return UploadStore(Boto3Json(boto3.client("dynamodb")), environment().uploads_table)


@cache
def renewing_records() -> UploadStore:
    """Return the table for renewals, which run in child processes. This process never uses its client."""
    return UploadStore(Boto3Json(boto3.client("dynamodb", config=RENEWAL)), environment().uploads_table)


@cache
def objects() -> ObjectStore:
    """Return the store for the child processes. This process never uses its client, so they share no connection."""
    env = environment()
    return ObjectStore(boto3.client("s3"), env.results_bucket, env.quarantine_bucket or None)


@cache
def results() -> ObjectStore:
    """Return the store of results for this process."""
    return ObjectStore(boto3.client("s3"), environment().results_bucket)


def routed(declared: UploadRequest) -> str:
    """Return the processor that the pipeline's rules choose for an upload."""
    env = environment()
    return processor_for(declared.file_name, declared.content_type, read_rules(env.processors), env.processor)


def isolated_work(load_processor: Callable[[UploadRequest], Processor]) -> IsolatedWork:
    """Return what the child processes do, with the processor of an upload."""
    env = environment()
    return IsolatedWork(
        objects=objects(),
        load_processor=load_processor,
        process_unscannable=env.unscannable_objects == "process",
        allowed_content_types=env.allowed_content_types,
    )
