from typing import Any

import pytest
from botocore.stub import Stubber

from handlers.aws.client import AwsError
from handlers.entries import abort_upload
from tests.support.aws.moto_cloud import REF, Cloud
from tests.support.handlers.multipart_upload import SHOP, UploadInParts, problem_in
from tests.support.handlers.proxy_events import proxy_event

pytestmark = pytest.mark.usefixtures("api_started")


def abort(**parts: Any) -> dict[str, Any]:
    return abort_upload.handle(proxy_event(None, upload_id=REF.upload_id, **parts), None)


class TestPending:
    def test_the_record_says_so_the_parts_are_gone_and_the_answer_is_empty(
        self, cloud: Cloud, in_parts: UploadInParts
    ) -> None:
        in_parts.send()
        answer = abort(headers={"origin": SHOP})
        assert (answer["statusCode"], answer["body"]) == (204, "")
        assert answer["headers"]["Access-Control-Allow-Origin"] == SHOP
        assert not in_parts.is_open_at_s3
        record = cloud.record()
        assert record
        assert (record["status"], record["version"]) == ("aborted", 2)
        assert cloud.open_uploads() == []

    def test_an_upload_in_one_put_is_aborted_too(self, cloud: Cloud) -> None:
        cloud.write_record()
        assert abort()["statusCode"] == 204
        assert cloud.status() == "aborted"

    def test_parts_that_s3_gave_up_already_are_as_good(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        in_parts.abort_elsewhere()
        assert abort()["statusCode"] == 204
        assert cloud.status() == "aborted"


class TestAgain:
    def test_it_changes_nothing(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        in_parts.send()
        abort()
        record = cloud.record()
        assert abort()["statusCode"] == 204
        assert cloud.record() == record

    def test_it_makes_up_for_what_failed_at_s3(self, cloud: Cloud, in_parts: UploadInParts) -> None:
        with Stubber(cloud.s3) as stubber:
            stubber.add_client_error("abort_multipart_upload", "InternalError")
            with pytest.raises(AwsError, match="InternalError"):
                abort()
        assert cloud.status() == "aborted"
        assert in_parts.is_open_at_s3
        assert abort()["statusCode"] == 204
        assert not in_parts.is_open_at_s3


class TestOver:
    @pytest.mark.parametrize("status", ["uploaded", "processing", "completed", "failed", "rejected"])
    def test_an_upload_whose_object_is_there_stays_as_it_is(
        self, cloud: Cloud, in_parts: UploadInParts, status: str
    ) -> None:
        in_parts.begin(status=status)
        before = cloud.record()
        assert problem_in(abort()) == (409, "not-open", f"The upload is {status}, and no longer pending.")
        assert cloud.record() == before
