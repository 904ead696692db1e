"""Objects that differ from their declaration or are not safe are rejected and put away. All others are processed."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.deployment.guardduty import guardduty
from tests.support.deployment.reconciler import change_newest_version, reconcile
from tests.support.deployment.system import System, User, eventually, http, put

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
TEXT = b"Dear Sir or Madam,\n" * 10


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def declare(system: System, user: User, content: bytes, content_type: str, **more: Any) -> Any:
    body = {"file_name": "a", "content_type": content_type, "size_bytes": len(content), **more}
    answer = system.call("POST", "/uploads", body, token=user.token)
    assert answer.status == 201, answer.text
    return answer.json


def send(system: System, user: User, content: bytes, content_type: str, **more: Any) -> str:
    plan = declare(system, user, content, content_type, **more)
    answer = put(plan, content)
    assert answer.status == 200, answer.text
    return plan["upload_id"]


def send_in_one_part(system: System, user: User, content: bytes, **more: Any) -> str:
    plan = declare(system, user, content, "application/octet-stream", method="multipart", **more)
    path, checksum = f"/uploads/{plan['upload_id']}", sha256(content)
    body = {"session": plan["session"], "first_part": 1, "last_part": 1, "checksums": [checksum]}
    signed = system.call("POST", f"{path}/parts", body, token=user.token)
    assert signed.status == 200, signed.text
    told: Mapping[str, Any] = signed.json
    url = f"{told['url_prefix']}1{told['url_suffix']}{told['signatures'][0]}"
    headers = {"Content-Length": str(len(content)), "x-amz-checksum-sha256": checksum}
    assert http("PUT", url, content, headers).status == 200
    assert system.call("POST", f"{path}/complete", {}, token=user.token).status == 200
    return plan["upload_id"]


def versions(system: System, bucket: str, upload_id: str) -> list[dict[str, str]]:
    """Where every version of an upload's object in a bucket is."""
    listed = system.emulator.client("s3").list_object_versions(Bucket=system.outputs[bucket])
    assert not [each for each in listed.get("DeleteMarkers", []) if each["Key"].endswith(f"/{upload_id}")]
    return [
        {"Bucket": system.outputs[bucket], "Key": each["Key"], "VersionId": each["VersionId"]}
        for each in listed.get("Versions", [])
        if each["Key"].endswith(f"/{upload_id}")
    ]


def contents(system: System, bucket: str, upload_id: str) -> list[bytes]:
    """Read every version of an upload's object in a bucket."""
    s3 = system.emulator.client("s3")
    return [s3.get_object(**version)["Body"].read() for version in versions(system, bucket, upload_id)]


def put_away(system: System, upload_id: str) -> None:
    """Wait until the object is where it was sent no longer: the record comes first."""
    eventually(lambda: versions(system, "ingestBucket", upload_id), lambda found: found == [])


class TestAsDeclared:
    @pytest.mark.parametrize(("content", "content_type"), [(PNG, "image/png"), (TEXT, "text/plain; charset=utf-8")])
    def test_a_file_of_its_type_and_checksum_is_processed(
        self, system: System, user: User, content: bytes, content_type: str
    ) -> None:
        checksum = {"algorithm": "sha256", "value": sha256(content)}
        upload_id = send(system, user, content, content_type, checksum=checksum)
        upload = system.await_status(user, upload_id, "completed", "rejected", "failed")
        assert upload["status"] == "completed", upload
        assert contents(system, "ingestBucket", upload_id) == [content]

    def test_a_file_in_parts_is_read_whole_for_its_checksum(self, system: System, user: User) -> None:
        checksum = {"algorithm": "sha256", "value": sha256(PNG)}
        upload_id = send_in_one_part(system, user, PNG, checksum=checksum)
        upload = system.await_status(user, upload_id, "completed", "rejected", "failed")
        assert upload["status"] == "completed", upload


class TestRejected:
    def test_another_type_ends_in_rejected_with_code_and_sentence_and_the_object_in_quarantine(
        self, system: System, user: User
    ) -> None:
        upload_id = send(system, user, TEXT, "image/png")
        upload = system.await_status(user, upload_id, "completed", "rejected", "failed")
        assert (upload["status"], upload["version"]) == ("rejected", 4)
        assert upload["rejection"] == {
            "code": "type-mismatch",
            "detail": "The object is text, but image/png was declared.",
        }
        assert "result" not in upload
        put_away(system, upload_id)
        assert contents(system, "quarantineBucket", upload_id) == [TEXT]

    def test_parts_that_are_right_but_not_the_declared_file_are_found_out(self, system: System, user: User) -> None:
        checksum = {"algorithm": "sha256", "value": sha256(TEXT)}
        upload_id = send_in_one_part(system, user, PNG, checksum=checksum)
        upload = system.await_status(user, upload_id, "completed", "rejected", "failed")
        assert upload["rejection"] == {
            "code": "checksum-mismatch",
            "detail": f"The object's sha256 is {sha256(PNG)}, but {sha256(TEXT)} was declared.",
        }
        put_away(system, upload_id)
        assert contents(system, "quarantineBucket", upload_id) == [PNG]

    def test_what_is_sent_again_to_the_same_url_is_put_away_too(self, system: System, user: User) -> None:
        plan = declare(system, user, TEXT, "image/png")
        assert put(plan, TEXT).status == 200
        rejected = system.await_status(user, plan["upload_id"], "completed", "rejected", "failed")
        put_away(system, plan["upload_id"])
        assert put(plan, TEXT).status == 200, "there is nothing at that key any more"
        put_away(system, plan["upload_id"])
        system.await_idle()
        assert system.status(user, plan["upload_id"]) == rejected


class TestMalwareGate:
    """On the deployment with a gate, which deletes what it rejects; the test is GuardDuty."""

    def tell(self, system: System, upload_id: str, result: str, **details: Any) -> None:
        """Put a scan's result on the bus, as GuardDuty does."""
        (version,) = versions(system, "ingestBucket", upload_id)
        detail = {
            "schemaVersion": "1.0",
            "scanStatus": "COMPLETED",
            "resourceType": "S3_OBJECT",
            "s3ObjectDetails": {
                "bucketName": version["Bucket"],
                "objectKey": version["Key"],
                "versionId": version["VersionId"],
                "s3Throttled": False,
            },
            "scanResultDetails": {"scanResultStatus": result, "threats": None, **details},
        }
        answer = system.emulator.client("events").put_events(
            Entries=[
                {
                    "Source": "aws.guardduty",
                    "DetailType": "GuardDuty Malware Protection Object Scan Result",
                    "Detail": json.dumps(detail),
                }
            ]
        )
        assert answer["FailedEntryCount"] == 0

    def ended(self, system: System, user: User, upload_id: str) -> Any:
        return system.await_status(user, upload_id, "completed", "rejected", "failed")

    def test_a_clean_object_waits_for_its_scan_and_is_processed(
        self, guarded_system: System, guarded_user: User
    ) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        guarded_system.await_idle()
        assert guarded_system.status(guarded_user, upload_id)["status"] == "pending", "nobody has scanned it yet"
        self.tell(guarded_system, upload_id, "NO_THREATS_FOUND")
        assert self.ended(guarded_system, guarded_user, upload_id)["status"] == "completed"

    def test_a_clean_object_of_another_type_is_rejected_and_deleted_for_good(
        self, guarded_system: System, guarded_user: User
    ) -> None:
        upload_id = send(guarded_system, guarded_user, TEXT, "image/png")
        self.tell(guarded_system, upload_id, "NO_THREATS_FOUND")
        assert self.ended(guarded_system, guarded_user, upload_id)["rejection"]["code"] == "type-mismatch"
        put_away(guarded_system, upload_id)
        assert "quarantineBucket" not in guarded_system.outputs

    def test_threats_are_named_and_their_object_deleted(self, guarded_system: System, guarded_user: User) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        for _ in range(2):  # at least once
            self.tell(guarded_system, upload_id, "THREATS_FOUND", threats=[{"name": "EICAR-Test-File"}])
        upload = self.ended(guarded_system, guarded_user, upload_id)
        assert upload["rejection"] == {"code": "malware-found", "detail": "The malware scan found EICAR-Test-File."}
        put_away(guarded_system, upload_id)
        guarded_system.await_idle()
        assert guarded_system.status(guarded_user, upload_id) == upload

    def test_what_cannot_be_scanned_is_rejected_with_the_reason(
        self, guarded_system: System, guarded_user: User
    ) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        self.tell(guarded_system, upload_id, "UNSUPPORTED", statusReasons=["PASSWORD_PROTECTED"])
        assert self.ended(guarded_system, guarded_user, upload_id)["rejection"] == {
            "code": "not-scannable",
            "detail": "The malware scan cannot look into the object: PASSWORD_PROTECTED.",
        }
        put_away(guarded_system, upload_id)

    @pytest.mark.parametrize("result", ["FAILED", "ACCESS_DENIED"])
    def test_a_scan_that_failed_fails_the_upload_and_keeps_object_and_message_for_an_operator(
        self, guarded_system: System, guarded_user: User, result: str
    ) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        self.tell(guarded_system, upload_id, result)
        upload = self.ended(guarded_system, guarded_user, upload_id)
        assert upload["failure"] == {
            "code": "scan-failed",
            "detail": "The object could not be scanned for malware.",
        }
        assert contents(guarded_system, "ingestBucket", upload_id) == [PNG]
        eventually(lambda: self.is_dead(guarded_system, upload_id), bool, seconds=90)

    def test_a_scan_that_never_came_is_requested_again_and_its_result_completes_the_upload(
        self, guarded_system: System, guarded_user: User
    ) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        guarded_system.await_idle()
        requested: list[dict[str, Any]] = []
        with guardduty(requested) as endpoint:
            change_newest_version(guarded_system, GRACE_SECONDS="0", AWS_ENDPOINT_URL_GUARDDUTY=endpoint)
            reconcile(guarded_system)
            reconcile(guarded_system)  # a scan that was just requested is not requested again
        (version,) = versions(guarded_system, "ingestBucket", upload_id)
        wanted = {"bucket": version["Bucket"], "key": version["Key"], "versionId": version["VersionId"]}
        assert [each for each in requested if each["key"] == version["Key"]] == [wanted]
        assert guarded_system.status(guarded_user, upload_id)["status"] == "pending"
        self.tell(guarded_system, upload_id, "NO_THREATS_FOUND")
        assert self.ended(guarded_system, guarded_user, upload_id)["status"] == "completed"

    def test_an_event_that_was_queued_before_there_were_scans_processes_nothing(
        self, guarded_system: System, guarded_user: User
    ) -> None:
        upload_id = send(guarded_system, guarded_user, PNG, "image/png")
        (version,) = versions(guarded_system, "ingestBucket", upload_id)
        created = {
            "id": upload_id,
            "detail": {
                "bucket": {"name": version["Bucket"]},
                "object": {"key": version["Key"], "version-id": version["VersionId"]},
            },
        }
        queue = guarded_system.emulator.client("sqs")
        queue.send_message(QueueUrl=guarded_system.outputs["queueUrl"], MessageBody=json.dumps(created))
        guarded_system.await_status(guarded_user, upload_id, "uploaded")
        assert "result" not in guarded_system.status(guarded_user, upload_id)
        eventually(lambda: self.is_dead(guarded_system, upload_id), bool)
        self.tell(guarded_system, upload_id, "NO_THREATS_FOUND")
        assert self.ended(guarded_system, guarded_user, upload_id)["status"] == "completed"

    def is_dead(self, system: System, upload_id: str) -> bool:
        answer = system.emulator.client("sqs").receive_message(
            QueueUrl=system.outputs["deadLetterQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return any(upload_id in message["Body"] for message in answer.get("Messages", []))
