"""What API Gateway hands to the Lambda behind a proxy integration."""

import json
from collections.abc import Mapping
from typing import Any

from handlers.domain.upload_ids import UploadIds
from tests.support.aws.moto_cloud import OWNER, REF

REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def proxy_event(
    body: object,
    *,
    headers: Mapping[str, str] | None = None,
    is_base64: bool = False,
    owner: str = OWNER,
    upload_id: str | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Shape a REST API's proxy event, as far as it is read (API Gateway guide); a body that is no text becomes JSON."""
    return {
        "resource": "/uploads",
        "path": "/uploads",
        "httpMethod": "POST",
        "pathParameters": None if upload_id is None else {"upload_id": upload_id},
        "queryStringParameters": None if query is None else dict(query),
        "headers": dict(headers or {}),
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": is_base64,
        "requestContext": {
            "authorizer": {"claims": {"sub": owner, "email": "user@example.com"}},
            "requestId": REQUEST_ID,
            "path": "/live/uploads",
            "stage": "live",
        },
    }


def always_the_same(_ids: UploadIds, _milliseconds: int) -> str:
    """Stands in for making a new id."""
    return REF.upload_id
