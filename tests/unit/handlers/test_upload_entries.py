"""What all functions that work on one upload have in common: nobody gets at an upload that is not theirs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.core.models import MockAWS

from components.api.mapping_templates import get_upload_response
from handlers.domain.upload_ref import UploadRef
from handlers.entries import abort_upload, complete_upload, list_parts, sign_parts
from handlers.storage.upload_store import UploadStore
from local.emulator.patches.api_gateway.templates import Source, render
from tests.support.aws.moto_cloud import REF, Cloud
from tests.support.each_case import each_case
from tests.support.handlers.multipart_upload import SETTINGS, SHOP, UploadInParts
from tests.support.handlers.proxy_events import REQUEST_ID, proxy_event

pytestmark = pytest.mark.usefixtures("api_started")

Handle = Callable[[dict[str, Any], object], dict[str, Any]]

WITH_RECORDS: dict[str, Callable[[], Handle]] = {  # by name, since the modules are loaded again for each test
    "list_parts": lambda: list_parts.handle,
    "complete_upload": lambda: complete_upload.handle,
    "abort_upload": lambda: abort_upload.handle,
}
ALL = {**WITH_RECORDS, "sign_parts": lambda: sign_parts.handle}


def problem_of_the_template() -> dict[str, Any]:
    rendered = render(get_upload_response([]), Source(body="{}", context={"requestId": REQUEST_ID}))
    return json.loads(rendered.body)


@pytest.mark.parametrize("entry", WITH_RECORDS)
@pytest.mark.parametrize("recorded", [None, UploadRef("somebody-else", REF.upload_id), UploadRef(REF.owner, "another")])
def test_an_upload_of_nobody_or_of_somebody_else_is_not_found_in_the_words_of_the_template(
    cloud: Cloud, in_parts: UploadInParts, entry: str, recorded: UploadRef | None
) -> None:
    table = {"owner": {"S": REF.owner}, "upload_id": {"S": REF.upload_id}}
    cloud.dynamodb.delete_item(TableName=SETTINGS["UPLOADS_TABLE"], Key=table)
    if recorded:
        cloud.write_record(recorded, multipart_id=in_parts.multipart_id, part_size_bytes=10)
    answer = WITH_RECORDS[entry]()(proxy_event("{}", upload_id=REF.upload_id, headers={"origin": SHOP}), None)
    assert answer["statusCode"] == 404
    assert answer["headers"]["Access-Control-Allow-Origin"] == SHOP
    assert json.loads(answer["body"]) == problem_of_the_template()
    assert in_parts.is_open_at_s3
    assert recorded is None or cloud.status(recorded) == "pending"


@pytest.mark.parametrize("entry", ALL)
@each_case(
    "upload_id",
    ["none", REF.upload_id.upper(), f"{REF.upload_id}\n", "../other", "x" * 5000],
)
def test_an_id_that_is_no_uuid_is_not_found_without_being_looked_for(
    monkeypatch: pytest.MonkeyPatch, entry: str, upload_id: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("The table was asked.")

    monkeypatch.setattr(UploadStore, "find", never)
    monkeypatch.setattr(UploadStore, "record_aborted", never)
    answer = ALL[entry]()(proxy_event("{}", upload_id=upload_id), None)
    assert json.loads(answer["body"]) == problem_of_the_template()


@pytest.mark.parametrize("entry", WITH_RECORDS)
def test_a_table_that_fails_is_no_answer(aws: MockAWS, entry: str) -> None:
    aws.reset()
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        WITH_RECORDS[entry]()(proxy_event("{}", upload_id=REF.upload_id), None)


@pytest.mark.parametrize("entry", ALL)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.delenv("INGEST_BUCKET")
    with pytest.raises(ValueError, match="INGEST_BUCKET is not set"):
        ALL[entry]()(proxy_event("{}", upload_id=REF.upload_id), None)
