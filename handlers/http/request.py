"""A request to the API, as API Gateway passes it to a Lambda function."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from handlers.domain.errors import InvalidRequest, UnknownUpload
from handlers.domain.upload_ref import UPLOAD_ID_PATTERN, UploadRef


class ApiRequest(NamedTuple):
    """One request that the gateway has authorized."""

    owner: str
    """The signed-in user's `sub`: a UUID that Cognito never reuses."""
    request_id: str
    upload_id: str
    """From the path, not checked yet; empty if the path has none."""
    query: Mapping[str, str]
    body: str
    idempotency_key: str | None
    """As the client sent it, not checked yet."""
    origin: str | None
    """Of the web page that sent the request."""
    log_fields: dict[str, str | int]
    """Additional fields of its record in the log, which the operation sets."""

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read the event of a REST API's proxy integration."""
        body = event["body"] or ""
        if event["isBase64Encoded"]:
            body = base64.b64decode(body).decode("utf-8", "replace")
        context = event["requestContext"]
        headers: dict[str, str] = event["headers"] or {}
        parameters: dict[str, str] = event["pathParameters"] or {}
        return cls(
            owner=context["authorizer"]["claims"]["sub"],
            request_id=context["requestId"],
            upload_id=parameters.get("upload_id", ""),
            query=event.get("queryStringParameters") or {},
            body=body,
            idempotency_key=_header(headers, "idempotency-key"),
            origin=_header(headers, "origin"),
            log_fields={},
        )

    @property
    def ref(self) -> UploadRef:
        """The signed-in user's upload that the path names; raises UnknownUpload if it cannot be an upload's id."""
        if not re.fullmatch(UPLOAD_ID_PATTERN, self.upload_id):
            raise UnknownUpload(f"{self.upload_id!r} is no upload_id.")
        return UploadRef(self.owner, self.upload_id)

    def json_body(self) -> object:
        """Decode the body; raises InvalidRequest if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest([f"The body is not JSON: {error}."]) from error


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Return a header by its lower-case name. HTTP/1.1 clients send names in any case."""
    return next((value for each, value in headers.items() if each.lower() == name), None)
