"""POST .../complete returns an upload in the same form as GET /uploads/{upload_id}, which uses a mapping template."""

import json
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from components.api.mapping_templates import get_upload_response
from handlers.http.view import upload_view
from handlers.storage.upload_store import UploadStore
from local.emulator.patches.api_gateway.templates import Source, render
from tests.support.aws.moto_cloud import REF, RESULTS, Cloud
from tests.support.each_case import each_case

RESULT = {"bucket": RESULTS, "key": REF.result_key}
FAILURE = {"code": "unprocessable", "detail": 'It is no "picture".\n'}


@each_case(
    "attributes",
    [
        {"status": "pending"},
        {"status": "pending", "method": "multipart", "multipart_id": "2~a", "part_size_bytes": 10, "size_bytes": 23},
        {"status": "uploaded", "file_name": '名前 "q".csv'},
        {"status": "processing", "version": 3, "job_id": "j"},
        {"status": "processing", "version": 5, "failure": FAILURE},
        {"status": "completed", "version": 4, "result": RESULT},
        {"status": "completed", "version": 7, "result": RESULT, "failure": FAILURE},
        {"status": "failed", "version": 4, "failure": FAILURE},
        {"status": "failed", "version": 7, "failure": FAILURE, "result": RESULT},
        {"status": "aborted", "version": 2},
    ],
)
def test_it_has_the_same_fields_and_values_as_the_mapping_template(
    cloud: Cloud, store: UploadStore, attributes: dict[str, Any]
) -> None:
    record = cloud.write_record(**attributes)
    item = {name: TypeSerializer().serialize(value) for name, value in record.items()}
    rendered = render(get_upload_response([]), Source(body=json.dumps({"Item": item})))
    assert upload_view(store.find(REF)) == json.loads(rendered.body)
