"""The API shows an upload with the same fields in all responses, those of functions and of mapping templates."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from boto3.dynamodb.types import TypeSerializer

from components.api import mapping_templates
from handlers.domain.fields import Field, all_fields, public
from handlers.domain.upload import Status, Upload
from handlers.http import view
from handlers.storage.upload_store import UploadStore
from local.emulator.patches.api_gateway.templates import Source, render
from tests.support.aws.moto_cloud import REF, RESULTS, Cloud

RESULT = {"bucket": RESULTS, "key": REF.result_key}
REASON = {"code": "unprocessable", "detail": 'It is no "picture".\n'}
ENDS = {"result": RESULT, "failure": REASON, "rejection": REASON}
IN_PARTS = {"method": "multipart", "multipart_id": "2~a", "part_size_bytes": 10, "size_bytes": 23}
CHECKSUM = {"algorithm": "crc32", "value": "AAAAAA=="}


def shown_by_template(cloud: Cloud, **attributes: Any) -> dict[str, Any]:
    record = cloud.write_record(**attributes)
    item = {name: TypeSerializer().serialize(value) for name, value in record.items()}
    return json.loads(render(mapping_templates.get_upload_response([]), Source(body=json.dumps({"Item": item}))).body)


@pytest.mark.parametrize("status", Status)
def test_an_upload_with_every_end_shows_the_one_of_its_status(cloud: Cloud, store: UploadStore, status: Status) -> None:
    shown = shown_by_template(cloud, status=str(status), version=7, file_name='名前 "q".csv', **IN_PARTS, **ENDS)
    end = {"completed": "result", "failed": "failure", "rejected": "rejection"}.get(status)
    assert view.upload_view(store.find(REF)) == shown
    assert {name: shown.get(name) for name in ENDS} == {name: ENDS[name] if name == end else None for name in ENDS}


@pytest.mark.parametrize("attributes", [{}, {**IN_PARTS, "object_version": "v", "checksum": CHECKSUM}])
def test_an_optional_field_is_shown_if_the_record_has_it(
    cloud: Cloud, store: UploadStore, attributes: dict[str, Any]
) -> None:
    optional = ("part_size_bytes", "object_version", "checksum")  # not public, but declared alike
    fields = [
        Field(each.name, each.kind, public("Shown"), is_optional=each.is_optional, path=each.path)
        if each.name in optional
        else each
        for each in all_fields(Upload)
    ]
    with (
        patch.object(mapping_templates, "all_fields", return_value=fields),
        patch.object(view, "all_fields", return_value=fields),
    ):
        shown = shown_by_template(cloud, **attributes)
        assert view.upload_view(store.find(REF)) == shown
    assert {name: shown[name] for name in optional if name in shown} == {
        name: attributes[name] for name in optional if name in attributes
    }
