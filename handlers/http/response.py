"""Responses of the API: JSON, problem details (RFC 9457), and the headers that all responses have."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

from handlers.domain.errors import (
    CompletionConflict,
    InvalidRequest,
    KeyConflict,
    NoResult,
    NotOpen,
    PartsMissing,
    QuotaExceeded,
    SizeMismatch,
    UnknownUpload,
)
from handlers.domain.session import InvalidSession
from handlers.domain.times import iso

PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:portage:problem:"

COMMON_HEADERS = {
    "Cache-Control": "no-store",  # the URLs in responses give access
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response of the API, from a function, a mapping template or the gateway itself."""

RETRY_AFTER_SECONDS = 2
_UNAVAILABLE = 503

ProxyResponse = dict[str, Any]
"""What a Lambda function returns to API Gateway's proxy integration."""


class Problem(NamedTuple):
    """A kind of error, as clients see it."""

    status: int
    kind: str
    """The end of its type URN."""
    title: str


PROBLEMS: dict[type[Exception], Problem] = {
    InvalidRequest: Problem(400, "invalid-request", "Invalid request"),
    InvalidSession: Problem(403, "invalid-session", "Invalid session"),
    QuotaExceeded: Problem(403, "quota-exceeded", "Quota exceeded"),
    UnknownUpload: Problem(404, "upload-not-found", "No such upload"),
    KeyConflict: Problem(409, "idempotency-conflict", "Idempotency-Key used before"),
    NotOpen: Problem(409, "not-open", "Not open"),
    NoResult: Problem(409, "no-result", "No result"),
    PartsMissing: Problem(409, "parts-missing", "Parts missing"),
    SizeMismatch: Problem(409, "size-mismatch", "Size mismatch"),
    CompletionConflict: Problem(503, "completion-conflict", "Completion conflict"),
}
"""By domain error: all errors that a client can act on. Any other error is a 500."""

NO_UPLOAD = "You have no upload with this id."
"""An upload of another owner gets the same response as one that does not exist."""


class Response(NamedTuple):
    """One response, without the headers that all responses have."""

    status: int
    body: Mapping[str, Any] | None = None
    """Written as JSON; None for a response without a body."""
    headers: Mapping[str, str] | None = None

    def to_proxy(self, origin: str | None, allowed_origins: tuple[str, ...]) -> ProxyResponse:
        """Write the response to a request from a web page's origin, None if it has none."""
        headers = {**COMMON_HEADERS, **_cors_headers(origin, allowed_origins)}
        if self.body is None:
            return {"statusCode": self.status, "headers": headers, "body": ""}
        return {
            "statusCode": self.status,
            "headers": {"Content-Type": "application/json", **headers, **(self.headers or {})},
            "body": json.dumps(self.body),
        }


def problem_response(error: Exception, request_id: str) -> Response:
    """Return the problem details of one of the PROBLEMS."""
    problem = PROBLEMS[type(error)]
    body: dict[str, Any] = {
        "type": PROBLEM_TYPE_PREFIX + problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": NO_UPLOAD if isinstance(error, UnknownUpload) else str(error),
        "request_id": request_id,
    }
    if isinstance(error, NotOpen):  # extension members (RFC 9457, 3.2)
        body |= {"upload_id": error.upload_id, "upload_status": error.upload_status}
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.status == _UNAVAILABLE else {}
    return Response(problem.status, body, {"Content-Type": PROBLEM_JSON, **retry})


def json_fields(value: NamedTuple) -> dict[str, Any]:
    """Return a use case's result as a JSON object. Its field names are the API's.

    A time is written as text, and a field that is None is left out. The fields of a nested value become fields of the
    object itself; a list of values becomes a list of objects.
    """
    fields: dict[str, Any] = {}
    for name, each in value._asdict().items():
        if isinstance(each, datetime):
            fields[name] = iso(each)
        elif isinstance(each, tuple):
            fields.update(json_fields(cast("NamedTuple", each)))
        # Only the first item is checked, because there can be 10,000 signatures.
        elif isinstance(each, list) and each and isinstance(each[0], tuple):
            fields[name] = [json_fields(item) for item in cast("list[NamedTuple]", each)]
        elif each is not None:
            fields[name] = each
    return fields


def _cors_headers(origin: str | None, allowed_origins: tuple[str, ...]) -> dict[str, str]:
    if "*" in allowed_origins:
        origin = "*"
    elif origin is None or origin not in allowed_origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Location,Retry-After",
        "Vary": "Origin",
    }
