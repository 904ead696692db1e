"""The HTTP side of the API's Lambda functions: bodies in, answers and problem details (RFC 9457) out."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from handlers.uploads.errors import (
    InvalidRequest,
    KeyConflict,
    NoResult,
    NotOpen,
    PartsMissing,
    QuotaExceeded,
    UnknownUpload,
)
from handlers.uploads.model import UPLOAD_ID_PATTERN, UploadRef
from handlers.uploads.session import InvalidSession

PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:portage:problem:"

REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    InvalidRequest: (400, "invalid-request", "Invalid request"),
    InvalidSession: (403, "invalid-session", "Invalid session"),
    QuotaExceeded: (403, "quota-exceeded", "Quota exceeded"),
    UnknownUpload: (404, "upload-not-found", "No such upload"),
    KeyConflict: (409, "idempotency-conflict", "Idempotency-Key used before"),
    NotOpen: (409, "not-open", "Not open"),
    NoResult: (409, "no-result", "No result"),
    PartsMissing: (409, "parts-missing", "Parts missing"),
}
"""Status, kind and title by domain error."""

CLIENT_FAULTS = tuple(REFUSALS)
"""All that is the client's to mend: to be caught, and answered with `refusal`. The rest is ours, and a 5xx."""


class ApiRequest(NamedTuple):
    """One request that the gateway has authorized, and how to answer it."""

    owner: str
    """The signed-in user's `sub`: a UUID that Cognito never reuses."""
    request_id: str
    upload_id: str
    """As the path has it; empty where the path has none."""
    body: str
    idempotency_key: str | None
    """As the client sent it; to be checked."""
    cors_headers: Mapping[str, str]

    @classmethod
    def from_event(cls, event: dict[str, Any], allowed_origins: tuple[str, ...]) -> Self:
        """Take what a REST API's proxy integration sends."""
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
            body=body,
            idempotency_key=_header(headers, "idempotency-key"),
            cors_headers=_cors_headers(headers, allowed_origins),
        )

    @property
    def ref(self) -> UploadRef:
        """The signed-in user's upload that the path names; raises UnknownUpload where nobody can have it."""
        if not re.fullmatch(UPLOAD_ID_PATTERN, self.upload_id):
            raise UnknownUpload(f"{self.upload_id!r} is no upload_id.")
        return UploadRef(self.owner, self.upload_id)

    def json_body(self) -> object:
        """Decode the body; raises InvalidRequest where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as fault:
            raise InvalidRequest([f"The body is not JSON: {fault}."]) from fault

    def answer(self, status: int, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """Shape a proxy response; it is never cached, since URLs in it are permissions."""
        fixed = {"Content-Type": "application/json", "Cache-Control": "no-store", **self.cors_headers}
        return {"statusCode": status, "headers": {**fixed, **headers}, "body": json.dumps(body)}

    def empty_answer(self) -> dict[str, Any]:
        """Shape a proxy response 204."""
        return {"statusCode": 204, "headers": {"Cache-Control": "no-store", **self.cors_headers}, "body": ""}

    def refusal(self, error: Exception) -> dict[str, Any]:
        """Shape the problem that stands for one of the REFUSALS."""
        status, kind, title = REFUSALS[type(error)]
        # An upload of somebody else's is not told from one that nobody has.
        detail = "You have no upload with this id." if isinstance(error, UnknownUpload) else str(error)
        members = (
            {"upload_id": error.upload.ref.upload_id, "upload_status": str(error.upload.status)}
            if isinstance(error, NotOpen)
            else {}
        )
        return self.problem(status, kind, title, detail, **members)

    def problem(self, status: int, kind: str, title: str, detail: str, **members: str) -> dict[str, Any]:
        """Shape a problem detail; `kind` ends its type URN, `members` are extensions (RFC 9457, 3.2)."""
        body = {
            "type": PROBLEM_TYPE_PREFIX + kind,
            "title": title,
            "status": status,
            "detail": detail,
            "request_id": self.request_id,
            **members,
        }
        return self.answer(status, body, **{"Content-Type": PROBLEM_JSON})


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """HTTP/2 has names in lower case; with HTTP/1.1 each client writes them as it likes."""
    return next((value for each, value in headers.items() if each.lower() == name), None)


def _cors_headers(headers: Mapping[str, str], allowed_origins: tuple[str, ...]) -> dict[str, str]:
    origin = _header(headers, "origin")
    if "*" in allowed_origins:
        origin = "*"
    elif origin not in allowed_origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Location", "Vary": "Origin"}
