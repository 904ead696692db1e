"""Uploads that declare their size at completion, on the embedded AWS, also against the plan."""

import base64
import hashlib
import io
import json
import random
from typing import Any

import pytest

from client import Portage, TransferConfig
from tests.support.deployment.system import Answer, System, User, http

PART = 16 * 1024**2
CONTENT = random.Random(2).randbytes(PART + 5)
CHECKSUM = {"algorithm": "sha256", "value": base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}


def create(system: System, user: User, **more: object) -> Answer:
    body = {"file_name": "dump.bin", "content_type": "application/octet-stream", "method": "multipart", **more}
    return system.call("POST", "/uploads", body, token=user.token)


def sign(system: System, user: User, plan: Any, number: int, size_bytes: int | None = None) -> Answer:
    body = {"session": plan["session"], "first_part": number, "last_part": number}
    last = {} if size_bytes is None else {"last_part_size_bytes": size_bytes}
    return system.call("POST", f"/uploads/{plan['upload_id']}/parts", {**body, **last}, token=user.token)


def send(signed: Answer, content: bytes) -> Answer:
    assert signed.status == 200, signed.text
    number = signed.json["first_part"]
    url = f"{signed.json['url_prefix']}{number}{signed.json['url_suffix']}{signed.json['signatures'][0]}"
    return http("PUT", url, content, {"Content-Length": str(len(content))})


def complete(system: System, user: User, plan: Any, **body: object) -> Answer:
    return system.call("POST", f"/uploads/{plan['upload_id']}/complete", body, token=user.token)


@pytest.fixture(scope="module")
def sent(system: System, user: User) -> Any:
    """The plan of an upload of two parts, which are at S3."""
    plan = create(system, user).json
    assert send(sign(system, user, plan, 1), CONTENT[:PART]).status == 200
    assert send(sign(system, user, plan, 2, 5), CONTENT[PART:]).status == 200
    return plan


class TestAgainstThePlan:
    @pytest.mark.parametrize("more", [{"method": "put"}, {"checksum": CHECKSUM}])
    def test_only_parts_without_a_checksum_need_no_size(
        self, system: System, user: User, more: dict[str, object]
    ) -> None:
        refused = create(system, user, **more)
        assert (refused.status, refused.json["type"]) == (400, "urn:portage:problem:invalid-request")
        assert "size_bytes" in refused.json["detail"]

    def test_s3_takes_no_part_that_is_longer_or_shorter_than_its_signature(
        self, system: System, user: User, sent: Any
    ) -> None:
        signed = sign(system, user, sent, 3, 7)
        assert send(signed, b"12345678").status == 403
        assert send(signed, b"123456").status == 403

    def test_nothing_is_signed_beyond_the_quota(self, system: System, user: User, sent: Any) -> None:
        last = sent["part_count"]
        assert sign(system, user, sent, last).status == 200
        assert sign(system, user, sent, last + 1).status == 400
        assert sign(system, user, sent, 3, PART + 1).status == 400

    @pytest.mark.parametrize(
        ("body", "status", "kind"),
        [
            ({}, 400, "invalid-request"),
            ({"size_bytes": PART}, 409, "size-mismatch"),
            ({"size_bytes": PART + 4}, 409, "parts-missing"),
            ({"size_bytes": PART + 6}, 409, "parts-missing"),
            ({"size_bytes": 2 * PART + 1}, 409, "parts-missing"),
            ({"size_bytes": 100 * 1024**4}, 400, "invalid-request"),
        ],
    )
    def test_no_other_size_than_that_of_the_parts_completes_it(
        self, system: System, user: User, sent: Any, *, body: dict[str, int], status: int, kind: str
    ) -> None:
        refused = complete(system, user, sent, **body)
        assert (refused.status, refused.json["type"].rpartition(":")[2]) == (status, kind)

    def test_a_size_over_the_quota_neither(self, system: System, user: User, sent: Any) -> None:
        refused = complete(system, user, sent, size_bytes=sent["max_size_bytes"] + 1)
        assert (refused.status, refused.json["type"]) == (403, "urn:portage:problem:quota-exceeded")


class TestWhole:
    def test_it_becomes_the_object_and_is_verified_and_processed(self, system: System, user: User, sent: Any) -> None:
        pending = system.status(user, sent["upload_id"])
        assert (pending["status"], "size_bytes" in pending) == ("pending", False)
        done = complete(system, user, sent, size_bytes=len(CONTENT), checksum=CHECKSUM)
        assert (done.status, done.json["size_bytes"]) == (200, len(CONTENT))
        upload = system.await_status(user, sent["upload_id"], "completed", "failed", "rejected")
        stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
        assert json.loads(stored["Body"].read())["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert complete(system, user, sent, size_bytes=len(CONTENT)).status == 200
        assert complete(system, user, sent, size_bytes=PART).status == 409

    def test_the_client_sends_a_stream_while_it_is_read(self, system: System, user: User) -> None:
        config = TransferConfig(known_size_bytes=1024**2)
        with Portage(system.outputs["apiUrl"], user.session, config=config) as portage:
            sent = portage.upload_stream(io.BytesIO(CONTENT), "dump.bin", checksum="sha256")
            finished = portage.wait(sent.upload_id, timeout_seconds=60)
        assert (finished.status, finished.size_bytes) == ("completed", len(CONTENT))

    def test_a_checksum_that_is_not_the_objects_rejects_it(self, system: System, user: User) -> None:
        plan = create(system, user).json
        assert send(sign(system, user, plan, 1, 5), b"12345").status == 200
        assert complete(system, user, plan, size_bytes=5, checksum=CHECKSUM).status == 200
        upload = system.await_status(user, plan["upload_id"], "completed", "failed", "rejected")
        assert (upload["status"], upload["rejection"]["code"]) == ("rejected", "checksum-mismatch")

    def test_another_device_learns_how_far_it_is_and_can_end_it(self, system: System, user: User) -> None:
        plan = create(system, user).json
        assert send(sign(system, user, plan, 1, 3), b"abc").status == 200
        found = system.call("GET", f"/uploads/{plan['upload_id']}/parts", token=user.token).json
        assert [(part["part_number"], part["size_bytes"]) for part in found["parts"]] == [(1, 3)]
        assert (found["part_sizes"], found["max_size_bytes"]) == (plan["part_sizes"], plan["max_size_bytes"])
        listed = system.call("GET", "/uploads?limit=1", token=user.token).json["uploads"][0]
        assert (listed["upload_id"], "size_bytes" in listed) == (plan["upload_id"], False)
        assert system.call("DELETE", f"/uploads/{plan['upload_id']}", token=user.token).status == 204
        assert complete(system, user, plan, size_bytes=3).status == 409
