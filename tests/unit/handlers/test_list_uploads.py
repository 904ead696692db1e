import json
from typing import Any

import pytest

from handlers.domain.upload_ref import UploadRef
from handlers.entries import list_uploads
from tests.support.aws.moto_cloud import OWNER, Cloud
from tests.support.handlers.multipart_upload import problem_in
from tests.support.handlers.proxy_events import proxy_event

pytestmark = pytest.mark.usefixtures("api_started")

IDS = [f"0196c5a1-7b61-7e6a-9a41-93e8deadbe{number:02}" for number in range(5)]
"""From the oldest to the newest."""


@pytest.fixture(autouse=True)
def uploads(cloud: Cloud) -> None:
    for upload_id in IDS:
        cloud.write_record(UploadRef(OWNER, upload_id))
    cloud.write_record(UploadRef("another-owner", IDS[0]))


def page(query: dict[str, str] | None = None) -> dict[str, Any]:
    answer = list_uploads.handle(proxy_event(None, query=query), None)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def test_the_owners_own_uploads_newest_first() -> None:
    answer = page()
    assert [each["upload_id"] for each in answer["uploads"]] == IDS[::-1]
    assert "next" not in answer


def test_page_by_page() -> None:
    first = page({"limit": "2"})
    second = page({"limit": "2", "after": first["next"]})
    third = page({"limit": "2", "after": second["next"]})
    assert [[each["upload_id"] for each in answer["uploads"]] for answer in (first, second, third)] == [
        IDS[:2:-1],
        IDS[2:0:-1],
        IDS[:1],
    ]
    assert "next" not in third


def test_a_wrong_query_is_refused_with_every_error() -> None:
    answer = list_uploads.handle(proxy_event(None, query={"limit": "101", "after": "report.pdf"}), None)
    status, kind, detail = problem_in(answer)
    assert (status, kind) == (400, "invalid-request")
    assert "101" in detail
    assert "report.pdf" in detail
