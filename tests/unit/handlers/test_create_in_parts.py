"""POST /uploads of a file that comes in parts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from handlers.aws.client import AwsError
from handlers.domain.upload_ids import UploadIds
from handlers.domain.upload_ref import UploadRef
from handlers.entries import create_upload
from tests.support.aws.fake_light_clients import KEY, OneSecret
from tests.support.aws.moto_cloud import OWNER, REF, Cloud
from tests.support.handlers.multipart_upload import open_at_s3, session_in
from tests.support.handlers.proxy_events import always_the_same, proxy_event

pytestmark = pytest.mark.usefixtures("api_started")

MIB = 1024**2
BODY: dict[str, Any] = {"file_name": "film.mp4", "content_type": "video/mp4", "size_bytes": 64 * MIB + 1}


@pytest.fixture(autouse=True)
def known_id(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, api_started: None) -> None:  # noqa: ARG001 - comes first
    assert cloud.s3, "The buckets are there."
    monkeypatch.setattr(UploadIds, "new", always_the_same)


def post(**changes: Any) -> dict[str, Any]:
    return create_upload.handle(proxy_event({**BODY, **changes}), None)


def plan_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] == 201
    return json.loads(answer["body"])


class TestThePlan:
    def test_it_tells_how_the_file_is_divided_and_hands_out_a_session(self, cloud: Cloud) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        plan = plan_of(post())
        session = session_in(plan)
        assert plan == {
            "upload_id": REF.upload_id,
            "status": "pending",
            "method": "multipart",
            "part_size_bytes": 16 * MIB,
            "part_count": 5,
            "session": session.token(*KEY),
            "session_expires_at": plan["session_expires_at"],
            "expires_at": plan["expires_at"],
            "expires_in_seconds": 900,
        }
        assert [session.multipart_id] == open_at_s3(cloud)
        assert session.parts.size_bytes == BODY["size_bytes"]
        ends = datetime.fromisoformat(plan["session_expires_at"])
        assert ends.timestamp() == session.expires_at
        assert before <= ends - timedelta(days=1) <= datetime.now(UTC)
        assert before <= datetime.fromisoformat(plan["expires_at"]) - timedelta(seconds=900) <= datetime.now(UTC)

    def test_the_record_knows_what_s3_calls_it(self, cloud: Cloud) -> None:
        plan_of(post())
        record = cloud.record()
        assert record
        assert (record["status"], record["method"], record["part_size_bytes"]) == ("pending", "multipart", 16 * MIB)
        assert [record["multipart_id"]] == open_at_s3(cloud)

    @pytest.mark.parametrize(
        ("changes", "method"),
        [
            ({"size_bytes": 64 * MIB}, "put"),
            ({"size_bytes": 64 * MIB + 1}, "multipart"),
            ({"size_bytes": 1, "method": "multipart"}, "multipart"),
            ({"size_bytes": 5 * 1024 * MIB, "method": "put"}, "put"),
            ({"size_bytes": 53_687_091_200_000}, "multipart"),
        ],
    )
    def test_the_client_chooses_or_else_the_size_does(self, cloud: Cloud, changes: dict[str, Any], method: str) -> None:
        plan = plan_of(post(**changes))
        assert plan["method"] == method
        assert len(open_at_s3(cloud)) == (method == "multipart")
        assert ("url" in plan) == (method == "put")

    def test_one_put_cannot_be_chosen_for_more_than_s3_takes_in_one(self, cloud: Cloud) -> None:
        answer = post(size_bytes=5 * 1024 * MIB + 1, method="put")
        assert answer["statusCode"] == 400
        assert "at most 5368709120 with method put" in answer["body"]
        assert cloud.count_records() == 0


class TestAtS3:
    def note_opening(self, cloud: Cloud, **changes: Any) -> dict[str, Any]:
        sent: list[dict[str, Any]] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            sent.append(dict(params["headers"]))

        events = cloud.s3.meta.events
        events.register("before-call.s3.CreateMultipartUpload", note)
        try:
            plan_of(post(**changes))
        finally:
            events.unregister("before-call.s3.CreateMultipartUpload", note)
        (headers,) = sent
        return {name: value for name, value in headers.items() if name.lower().startswith(("content-t", "x-amz-"))}

    def test_the_object_will_have_the_declared_type_and_the_buckets_encryption(self, cloud: Cloud) -> None:
        assert self.note_opening(cloud) == {"Content-Type": "video/mp4", "x-amz-server-side-encryption": "aws:kms"}

    def test_parts_are_to_have_checksums_where_the_file_was_declared_by_one(self, cloud: Cloud) -> None:
        sent = self.note_opening(cloud, checksum={"algorithm": "crc32", "value": "AAAAAA=="})
        assert (sent["x-amz-checksum-algorithm"], sent["x-amz-checksum-type"]) == ("CRC32", "COMPOSITE")

    def test_the_plan_and_its_session_say_so(self) -> None:
        plan = plan_of(post(checksum={"algorithm": "crc32", "value": "AAAAAA=="}))
        assert plan["checksum_algorithm"] == session_in(plan).checksum_algorithm == "crc32"


class TestNothingIsLeft:
    def test_where_the_record_cannot_be_written(self, cloud: Cloud) -> None:
        before = cloud.write_record(UploadRef(OWNER, REF.upload_id))
        with pytest.raises(RuntimeError, match="is the id of an upload already"):
            post()
        assert open_at_s3(cloud) == []
        assert cloud.record() == before

    def test_where_no_session_can_be_signed(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AwsError("AccessDeniedException", "not yours", 400, {})

        monkeypatch.setattr(OneSecret, "call", refuse)
        with pytest.raises(AwsError):
            post()
        assert open_at_s3(cloud) == []
        assert cloud.count_records() == 0

    def test_where_s3_does_not_open_it(self, cloud: Cloud) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("create_multipart_upload", "AccessDenied")
            with pytest.raises(AwsError, match="AccessDenied"):
                post()
        assert cloud.count_records() == 0
