import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from moto.core.models import MockAWS

from handlers.aws import json_client as aws_json
from handlers.aws import s3_client as aws_s3
from handlers.aws.boto3_json import Boto3Json
from handlers.entries import (
    abort_upload,
    clients,
    complete_upload,
    create_upload,
    get_result,
    job_clients,
    jobs,
    list_parts,
    list_uploads,
    process_object,
    sign_parts,
)
from handlers.processors import Processor
from handlers.storage.job_queue import Delivery
from handlers.storage.upload_store import UploadStore
from tests.support.aws.fake_light_clients import LightS3, light_calls
from tests.support.aws.moto_cloud import ENVIRONMENT, TABLE, Cloud, shared_client
from tests.support.handlers.create_uploads import Api
from tests.support.handlers.deliveries import MAX_ATTEMPTS, Worker, first_delivery
from tests.support.handlers.job_variables import job_variables
from tests.support.handlers.multipart_upload import SETTINGS, UploadInParts
from tests.support.handlers.queue_batches import UseProcessor


@pytest.fixture(scope="module")
def aws() -> Iterator[MockAWS]:
    """Started once a module: starting takes longer than most tests, emptying does not."""
    with mock_aws() as started:
        yield started


@pytest.fixture
def cloud(aws: MockAWS, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    aws.reset()
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():  # after moto, which sets credentials of its own
        monkeypatch.setenv(name, value)
    return Cloud()


@pytest.fixture
def store(cloud: Cloud) -> UploadStore:
    return UploadStore(Boto3Json(cloud.dynamodb), TABLE)


@pytest.fixture
def api(store: UploadStore) -> Api:
    return Api(store)


@pytest.fixture
def worker(cloud: Cloud, store: UploadStore) -> Worker:
    return Worker(cloud, store, UploadStore(Boto3Json(cloud.dynamodb), TABLE))


@pytest.fixture
def delivery(cloud: Cloud) -> Delivery:
    """The first receipt of an upload's event: its record pending, its bytes in the bucket."""
    cloud.write_record()
    return first_delivery(cloud.put_object())


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the child processes of this test alone make theirs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def process_object_started(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    own_temporary_folder: Path,  # noqa: ARG001 - where its child processes make theirs
) -> None:
    """The function as it is after a cold start: settings in place, nothing cached."""
    for name, value in job_variables(cloud.queue_url, max_attempts=MAX_ATTEMPTS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", shared_client)
    importlib.reload(job_clients)
    importlib.reload(jobs)
    importlib.reload(process_object)


@pytest.fixture
def use_processor(monkeypatch: pytest.MonkeyPatch) -> UseProcessor:
    """Let a function of the test be what PROCESSOR names."""

    def use(processor: Processor) -> None:
        def load(_name: str) -> Processor:
            return processor

        monkeypatch.setattr(jobs, "load_processor", load)

    return use


@pytest.fixture
def api_started(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - moto comes first
    """The API's functions as they are after a cold start: settings in place, nothing cached."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", shared_client)
    monkeypatch.setattr(aws_json, "AwsJson", light_calls)
    monkeypatch.setattr(aws_s3, "AwsS3", LightS3)
    for module in (
        clients,
        create_upload,
        sign_parts,
        list_parts,
        complete_upload,
        abort_upload,
        list_uploads,
        get_result,
    ):
        importlib.reload(module)


@pytest.fixture
def in_parts(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> UploadInParts:
    """An upload in parts that was declared. S3 has no part yet."""
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    upload = UploadInParts(cloud)
    upload.begin()
    return upload
