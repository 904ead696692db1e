import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.domain.upload_ref import UploadRef
from handlers.entries import get_result
from tests.support.aws.moto_cloud import REF, RESULTS, Cloud
from tests.support.handlers.multipart_upload import problem_in
from tests.support.handlers.proxy_events import proxy_event

pytestmark = pytest.mark.usefixtures("api_started")

KEY = f"results/{REF.owner}/{REF.upload_id}.json"


def ask(ref: UploadRef = REF) -> dict[str, Any]:
    return get_result.handle(proxy_event(None, owner=ref.owner, upload_id=ref.upload_id), None)


def test_the_link_is_of_the_result_and_saves_it_under_the_files_name(cloud: Cloud) -> None:
    cloud.write_record(status="completed", result={"bucket": RESULTS, "key": KEY}, file_name='Plan "ü".pdf')
    answer = ask()
    assert answer["statusCode"] == 200
    url: str = json.loads(answer["body"])["url"]
    place = urlsplit(url)
    assert (place.hostname or "").partition(".")[0] == RESULTS
    assert place.path == f"/{KEY}"
    query = parse_qs(place.query)
    assert query["response-content-disposition"] == [
        "attachment; filename=\"Plan ___.pdf.json\"; filename*=UTF-8''Plan%20%22%C3%BC%22.pdf.json"
    ]
    assert query["X-Amz-Expires"] == ["900"]


@pytest.mark.parametrize("status", ["pending", "uploaded", "processing", "failed", "rejected", "aborted", "expired"])
def test_there_is_none_before_the_upload_is_completed(cloud: Cloud, status: str) -> None:
    cloud.write_record(status=status)
    answer_status, kind, detail = problem_in(ask())
    assert (answer_status, kind) == (409, "no-result")
    assert status in detail


def test_another_owners_upload_is_unknown(cloud: Cloud) -> None:
    cloud.write_record(status="completed", result={"bucket": RESULTS, "key": KEY})
    assert problem_in(ask(UploadRef("another-owner", REF.upload_id)))[:2] == (404, "upload-not-found")
