import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.entries import complete_upload
from handlers.storage.multipart_completion import MultipartCompletion
from tests.support.aws.moto_cloud import INGEST, REF, Cloud
from tests.support.handlers.multipart_upload import BODIES, UploadInParts, problem_in
from tests.support.handlers.proxy_events import proxy_event

pytestmark = pytest.mark.usefixtures("api_started")

GONE = "S3 no longer has the parts: the upload was completed, or S3 aborted it because of its age."


def complete(body: object = "{}") -> dict[str, Any]:
    return complete_upload.handle(proxy_event(body, upload_id=REF.upload_id), None)


def upload_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


class TestAllPartsThere:
    @pytest.mark.parametrize("body", ["{}", "", None])
    def test_they_become_the_object_in_their_order_and_the_upload_is_told(
        self, in_parts: UploadInParts, body: str | None
    ) -> None:
        in_parts.send(dict(reversed(BODIES.items())))
        assert upload_of(complete(body)) == {
            "upload_id": REF.upload_id,
            "status": "pending",
            "version": 1,
            "file_name": "report.pdf",
            "content_type": "application/pdf",
            "size_bytes": 23,
            "created_at": "2026-02-28T12:00:00.250Z",
            "updated_at": "2026-02-28T12:00:00.250Z",
        }
        assert in_parts.object() == b"".join(BODIES.values())
        assert not in_parts.is_open_at_s3

    def test_of_a_part_that_was_sent_twice_the_later_one_counts(self, in_parts: UploadInParts) -> None:
        in_parts.send({**BODIES, 2: b"----------"})
        in_parts.send({2: BODIES[2]})
        assert upload_of(complete())
        assert in_parts.object() == b"".join(BODIES.values())

    def test_a_part_beyond_the_plan_is_left_out(self, in_parts: UploadInParts) -> None:
        in_parts.send({**BODIES, 4: b"not declared"})
        assert upload_of(complete())
        assert in_parts.object() == b"".join(BODIES.values())

    def test_an_object_that_is_there_is_never_overwritten(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        in_parts.send()
        cloud.put_object(body=b"first")
        assert upload_of(complete())["status"] == "pending"
        assert in_parts.object() == b"first"


class TestPartsMissing:
    @pytest.mark.parametrize(
        ("sent", "named"),
        [
            ({}, "1-3"),
            ({1: BODIES[1], 3: BODIES[3]}, "2"),
            ({2: BODIES[2]}, "1, 3"),
            ({**BODIES, 2: b"short"}, "2"),
            ({**BODIES, 3: b"longer"}, "3"),
        ],
    )
    def test_the_ranges_that_are_not_there_in_their_length_are_named_and_the_upload_goes_on(
        self, in_parts: UploadInParts, sent: dict[int, bytes], named: str
    ) -> None:
        in_parts.send(sent)
        status, kind, detail = problem_in(complete())
        assert (status, kind) == (409, "parts-missing")
        assert detail == f"Parts {named} are missing or have another length; send them, and complete again."
        assert in_parts.object() is None
        in_parts.send(BODIES)
        assert upload_of(complete())


class TestAgain:
    def test_before_the_event_has_come(self, in_parts: UploadInParts) -> None:
        in_parts.send()
        assert upload_of(complete()) == upload_of(complete())

    @pytest.mark.parametrize("status", ["uploaded", "processing", "completed", "failed"])
    def test_in_a_later_state_the_upload_is_told_as_it_is(self, in_parts: UploadInParts, status: str) -> None:
        in_parts.begin(
            status=status, version=4, result={"bucket": "b", "key": "k"}, failure={"code": "c", "detail": "d"}
        )
        upload = upload_of(complete())
        assert (upload["status"], upload["version"]) == (status, 4)
        assert in_parts.object() is None

    def test_another_device_was_first(self, in_parts: UploadInParts) -> None:
        in_parts.send()
        in_parts.complete_elsewhere()
        assert upload_of(complete())["status"] == "pending"

    def test_another_device_was_first_after_the_parts_were_listed(
        self, cloud: Cloud, in_parts: UploadInParts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        in_parts.send()
        list_parts = MultipartCompletion.list_parts

        def raced(*args: Any) -> Any:
            found = list_parts(*args)
            in_parts.complete_elsewhere()
            cloud.write_record(status="uploaded", version=2, size_bytes=23)
            return found

        monkeypatch.setattr(MultipartCompletion, "list_parts", raced)
        assert upload_of(complete())["status"] == "uploaded"


class TestABodyThatSaysAnything:
    @pytest.mark.parametrize(
        "body",
        ['{"parts": [1]}', "[]", "null", "0", '""', "{", "x", " ", "[" * 100_000, '{"a": ' * 991 + "1" + "}" * 991],
    )
    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
    def test_is_refused_whatever_its_type_and_the_parts_stay_as_they_are(
        self, in_parts: UploadInParts, body: str, content_type: str | None
    ) -> None:
        in_parts.send()
        headers = {"Content-Type": content_type} if content_type else {}
        answer = complete_upload.handle(proxy_event(body, upload_id=REF.upload_id, headers=headers), None)
        assert problem_in(answer)[:2] == (400, "invalid-request")
        assert in_parts.is_open_at_s3


class TestBesideAnotherRequest:
    """S3 answers 409 while it works on the same object for another request."""

    def refused(self, cloud: Cloud, in_parts: UploadInParts, contents: list[dict[str, str]]) -> dict[str, Any]:
        in_parts.send()
        parts = cloud.s3.list_parts(Bucket=INGEST, Key=REF.object_key, UploadId=in_parts.multipart_id)["Parts"]
        with Stubber(cloud.s3) as stubber:
            stubber.add_response("list_parts", {"Parts": parts, "IsTruncated": False})
            stubber.add_client_error("complete_multipart_upload", "ConditionalRequestConflict", http_status_code=409)
            stubber.add_response("list_objects_v2", {"Contents": contents})
            return complete()

    def test_that_made_the_object_it_is_complete(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        assert upload_of(self.refused(cloud, in_parts, [{"Key": REF.object_key}]))["status"] == "pending"

    def test_that_made_none_so_far_the_client_is_told_to_complete_again_and_can(
        self, cloud: Cloud, in_parts: UploadInParts
    ) -> None:
        answer = self.refused(cloud, in_parts, [])
        assert problem_in(answer)[:2] == (503, "completion-conflict")
        assert int(answer["headers"]["Retry-After"]) >= 1
        assert upload_of(complete())
        assert in_parts.object() == b"".join(BODIES.values())

    def test_that_sent_a_part_again_meanwhile_the_client_is_told_to_complete_again_and_can(
        self, in_parts: UploadInParts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def raced(*arguments: Any) -> Any:
            stored = list_parts(*arguments)
            in_parts.send({1: b"other byte"})
            return stored

        in_parts.send()
        list_parts = MultipartCompletion.list_parts
        with monkeypatch.context() as patched:
            patched.setattr(MultipartCompletion, "list_parts", raced)
            assert problem_in(complete())[:2] == (503, "completion-conflict")
        assert upload_of(complete())
        assert in_parts.object() == b"other byte" + BODIES[2] + BODIES[3]


class TestNotOpen:
    def test_what_comes_in_one_put(self, cloud: Cloud) -> None:
        cloud.write_record()
        assert problem_in(complete()) == (409, "not-open", "The upload comes in one request, and has no parts.")

    def test_what_was_aborted(self, in_parts: UploadInParts) -> None:
        in_parts.begin(status="aborted")
        in_parts.send()
        assert problem_in(complete()) == (409, "not-open", "The upload is aborted, and no longer pending.")
        assert in_parts.object() is None

    def test_what_is_aborted_meanwhile(
        self, cloud: Cloud, in_parts: UploadInParts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def raced(*_: Any) -> Any:
            in_parts.abort_elsewhere()
            cloud.write_record(status="aborted", version=2)
            return list_parts(*_)

        in_parts.send()
        list_parts = MultipartCompletion.list_parts
        monkeypatch.setattr(MultipartCompletion, "list_parts", raced)
        assert problem_in(complete()) == (409, "not-open", "The upload is aborted, and no longer pending.")

    def test_parts_that_s3_gave_up(self, in_parts: UploadInParts) -> None:
        in_parts.abort_elsewhere()
        assert problem_in(complete()) == (409, "not-open", GONE)


class TestFaults:
    @pytest.mark.parametrize("code", ["InternalError", "AccessDenied"])
    def test_any_other_refusal_of_s3_is_no_answer(self, cloud: Cloud, in_parts: UploadInParts, code: str) -> None:
        in_parts.send()
        parts = cloud.s3.list_parts(Bucket=INGEST, Key=REF.object_key, UploadId=in_parts.multipart_id)["Parts"]
        with Stubber(cloud.s3) as stubber:
            stubber.add_response("list_parts", {"Parts": parts, "IsTruncated": False})
            stubber.add_client_error("complete_multipart_upload", code)
            with pytest.raises(ClientError, match=code):
                complete()
