import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from handlers.entries import list_parts
from tests.support.aws.moto_cloud import INGEST, OWNER, REF, Cloud
from tests.support.handlers.multipart_upload import BODIES, UploadInParts, problem_in, session_in
from tests.support.handlers.proxy_events import proxy_event

pytestmark = pytest.mark.usefixtures("api_started")


def ask() -> dict[str, Any]:
    return list_parts.handle(proxy_event(None, upload_id=REF.upload_id), None)


def told() -> dict[str, Any]:
    answer = ask()
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


class TestWhatIsThere:
    @pytest.mark.parametrize("numbers", [[], [2], [3, 1], [1, 2, 3]])
    def test_each_part_has_its_number_its_size_and_its_etag(self, in_parts: UploadInParts, numbers: list[int]) -> None:
        in_parts.send({number: BODIES[number] for number in numbers})
        answer = told()
        assert [(part["part_number"], part["size_bytes"]) for part in answer["parts"]] == [
            (number, len(BODIES[number])) for number in sorted(numbers)
        ]
        assert all(set(part) == {"part_number", "size_bytes", "etag"} and part["etag"] for part in answer["parts"])
        assert (answer["part_size_bytes"], answer["part_count"]) == (10, 3)

    def test_all_pages_of_s3_come_in_one(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        asked = {"Bucket": INGEST, "Key": REF.object_key, "UploadId": in_parts.multipart_id}
        with Stubber(cloud.s3) as stubber:
            for page in range(3):
                parts = [{"PartNumber": page * 2 + n, "Size": 10, "ETag": f'"{page}{n}"'} for n in (1, 2)]
                stubber.add_response(
                    "list_parts",
                    {"Parts": parts, "IsTruncated": page < 2, "NextPartNumberMarker": page * 2 + 2},
                    asked if page == 0 else {**asked, "PartNumberMarker": page * 2},
                )
            assert [part["part_number"] for part in told()["parts"]] == [1, 2, 3, 4, 5, 6]
            stubber.assert_no_pending_responses()


class TestTheSession:
    def test_it_is_of_this_upload_and_good_from_now_on(self, in_parts: UploadInParts) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        answer = told()
        session = session_in(answer)
        assert (session.owner, session.upload_id, session.multipart_id) == (OWNER, REF.upload_id, in_parts.multipart_id)
        assert (session.parts.size_bytes, session.parts.part_size_bytes) == (23, 10)
        expires_at = datetime.fromisoformat(answer["session_expires_at"])
        assert expires_at.timestamp() == session.expires_at
        assert before <= expires_at - timedelta(days=1) <= datetime.now(UTC)


class TestNotOpen:
    def test_what_comes_in_one_put(self, cloud: Cloud) -> None:
        cloud.write_record()
        assert problem_in(ask()) == (409, "not-open", "The upload comes in one request, and has no parts.")

    @pytest.mark.parametrize("status", ["uploaded", "processing", "completed", "failed", "aborted"])
    def test_what_is_over(self, in_parts: UploadInParts, status: str) -> None:
        in_parts.begin(status=status)
        assert problem_in(ask()) == (409, "not-open", f"The upload is {status}, and no longer pending.")

    def test_parts_that_s3_has_no_longer(self, in_parts: UploadInParts) -> None:
        in_parts.send()
        in_parts.complete_elsewhere()
        status, kind, detail = problem_in(ask())
        assert (status, kind) == (409, "not-open")
        assert detail.startswith("S3 no longer has the parts")
