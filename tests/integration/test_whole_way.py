"""A file's way through the deployed program."""

import hashlib
import json
import random
from pathlib import Path
from urllib.parse import urljoin

import pytest

from client import Portage
from tests.support.deployment.system import System, User, http, put

MEBIBYTE = 1024**2
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 MB, which neither the gateway nor Lambda would take."""
    path = tmp_path_factory.mktemp("files") / "picture.png"
    path.write_bytes(PNG + random.Random(0).randbytes(25 * MEBIBYTE - len(PNG)))
    return path


def test_a_file_that_the_gateway_refuses_goes_through_and_is_inspected(
    system: System, portage: Portage, picture: Path
) -> None:
    sent: list[int] = []
    upload = portage.upload(picture, on_progress=lambda progress: sent.append(progress.sent_bytes))
    seen = [each.status for each in portage.follow(upload.upload_id, timeout_seconds=120)]
    finished = portage.get(upload.upload_id)

    assert sent[-1] == picture.stat().st_size
    assert seen[-1] == "completed"
    order = ["pending", "uploaded", "processing", "completed"]
    assert seen == [status for status in order if status in seen], "states came in the order of the model"
    assert finished.version == 4, "every change of state raises the version by one"
    assert finished.result is not None
    stored = system.emulator.client("s3").get_object(Bucket=finished.result.bucket, Key=finished.result.key)
    assert json.loads(stored["Body"].read()) == {
        "size_bytes": 25 * MEBIBYTE,
        "sha256": hashlib.sha256(picture.read_bytes()).hexdigest(),
        "sniffed_type": "image/png",
        "declared_type": "image/png",
    }
    assert finished.result.bucket == system.outputs["resultsBucket"]


def test_the_same_file_sent_through_the_gateway_is_refused_with_a_way_out(
    system: System, user: User, picture: Path
) -> None:
    answer = system.call("POST", "/uploads", picture.read_bytes(), token=user.token)

    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == 413
    assert "presigned URL" in answer.json["detail"]


def test_the_object_lies_under_its_owner_and_not_under_its_file_name(system: System, user: User) -> None:
    upload_id = system.send(user, file_name="..%2F..&evil?.bin")
    upload = system.await_status(user, upload_id, "completed")

    assert upload["file_name"] == "..%2F..&evil?.bin"
    keys = [
        each["Key"]
        for each in system.emulator.client("s3").list_objects_v2(Bucket=system.outputs["ingestBucket"])["Contents"]
    ]
    owners = [key.split("/")[1] for key in keys if key.endswith(upload_id)]
    assert len(owners) == 1
    assert f"uploads/{owners[0]}/{upload_id}" in keys


def test_the_location_leads_to_the_upload(system: System, user: User) -> None:
    body = {"file_name": "a", "content_type": "a/b", "size_bytes": 1}
    created = system.call("POST", "/uploads", body, token=user.token)
    place = urljoin(f"{system.outputs['apiUrl']}/uploads", created.headers["Location"])
    answer = http("GET", place, None, {"Authorization": f"Bearer {user.token}"})
    assert answer.json["upload_id"] == created.json["upload_id"]


def test_a_name_in_any_script_comes_back_as_it_was(system: System, user: User) -> None:
    name = 'Grüße "für" 東京 \u200d$!{x} #set.txt'

    plan = system.create(user, file_name=name)

    assert system.status(user, plan["upload_id"])["file_name"] == name


class TestDuplicateEvents:
    def test_a_second_put_is_refused_so_that_what_was_processed_stays_as_it_is(
        self, system: System, user: User
    ) -> None:
        plan = system.create(user, 5)
        assert put(plan, b"12345").status == 200
        before = system.await_status(user, plan["upload_id"], "completed")

        assert put(plan, b"54321").status == 412
        without_condition = {**plan, "headers": {n: v for n, v in plan["headers"].items() if n != "If-None-Match"}}
        assert put(without_condition, b"54321").status == 403
        system.await_idle()

        assert system.status(user, plan["upload_id"]) == before

    def test_the_same_event_again_changes_nothing(self, system: System, user: User) -> None:
        upload_id = system.send(user)
        before = system.await_status(user, upload_id, "completed")
        listing = system.emulator.client("s3").list_object_versions(Bucket=system.outputs["ingestBucket"])
        versions = [each for each in listing["Versions"] if each["Key"].endswith(upload_id)]
        event = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": system.outputs["ingestBucket"]},
                "object": {"key": versions[0]["Key"], "version-id": versions[0]["VersionId"], "size": 5},
            },
        }

        for _ in range(3):
            system.emulator.client("sqs").send_message(
                QueueUrl=system.outputs["queueUrl"], MessageBody=json.dumps(event)
            )
        system.await_idle()

        assert system.status(user, upload_id) == before
