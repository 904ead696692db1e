"""The HTTP side of the API's Lambda functions: bodies in, answers and problem details (RFC 9457) out."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, Self

from handlers.aws.environment import read_environment
from handlers.aws.metric_log import write_record
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
from handlers.domain.upload import UPLOAD_ID_PATTERN, UploadRef

PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:portage:problem:"

ANSWER_HEADERS = {
    "Cache-Control": "no-store",  # URLs in answers are permissions
    "X-Content-Type-Options": "nosniff",
}
"""What every answer of the API has, whether a function, a mapping template or the gateway itself writes it."""

RETRY_AFTER_SECONDS = 2
_UNAVAILABLE = 503

Answer = dict[str, Any]
"""A proxy response."""

Handle = Callable[[dict[str, Any], object], Answer]
"""What Lambda calls, with event and context."""

REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    InvalidRequest: (400, "invalid-request", "Invalid request"),
    InvalidSession: (403, "invalid-session", "Invalid session"),
    QuotaExceeded: (403, "quota-exceeded", "Quota exceeded"),
    UnknownUpload: (404, "upload-not-found", "No such upload"),
    KeyConflict: (409, "idempotency-conflict", "Idempotency-Key used before"),
    NotOpen: (409, "not-open", "Not open"),
    NoResult: (409, "no-result", "No result"),
    PartsMissing: (409, "parts-missing", "Parts missing"),
    SizeMismatch: (409, "size-mismatch", "Size mismatch"),
    CompletionConflict: (503, "completion-conflict", "Completion conflict"),
}
"""Status, kind and title by domain error: all that a client can do something about. Any other error is a 500."""

_REFUSED = tuple(REFUSALS)


class OriginsEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    allowed_origins: tuple[str, ...]
    """Origins of web pages that may read answers."""


class ApiRequest(NamedTuple):
    """One request that the gateway has authorized, and how to answer it."""

    owner: str
    """The signed-in user's `sub`: a UUID that Cognito never reuses."""
    request_id: str
    upload_id: str
    """As the path has it; empty where the path has none."""
    query: Mapping[str, str]
    body: str
    idempotency_key: str | None
    """As the client sent it; to be checked."""
    headers: Mapping[str, str]
    """Of every answer to it."""
    log_fields: dict[str, str | int]
    """Additional fields of its record in the log, which the operation sets."""

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
            query=event.get("queryStringParameters") or {},
            body=body,
            idempotency_key=_header(headers, "idempotency-key"),
            headers={**ANSWER_HEADERS, **_cors_headers(headers, allowed_origins)},
            log_fields={},
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

    def check_body_is_empty(self) -> None:
        """Raise InvalidRequest for a body that says anything; none at all is as good as `{}`."""
        # API Gateway checks bodies of application/json alone.
        if self.body and self.json_body() != {}:
            raise InvalidRequest(["The body must be an empty JSON object: {}."])

    def answer(self, status: int, body: Mapping[str, Any], **headers: str) -> Answer:
        """Shape a proxy response."""
        return {
            "statusCode": status,
            "headers": {"Content-Type": "application/json", **self.headers, **headers},
            "body": json.dumps(body),
        }

    def empty_answer(self) -> Answer:
        """Shape a proxy response 204."""
        return {"statusCode": 204, "headers": dict(self.headers), "body": ""}

    def refusal(self, error: Exception) -> Answer:
        """Shape the problem that stands for one of the REFUSALS."""
        status, kind, title = REFUSALS[type(error)]
        # An upload of another owner gets the same answer as one that does not exist.
        detail = "You have no upload with this id." if isinstance(error, UnknownUpload) else str(error)
        members = (
            {"upload_id": error.upload.ref.upload_id, "upload_status": str(error.upload.status)}
            if isinstance(error, NotOpen)
            else {}
        )
        return self.problem(status, kind, title, detail, **members)

    def problem(self, status: int, kind: str, title: str, detail: str, **members: str) -> Answer:
        """Shape a problem detail; `kind` ends its type URN, `members` are extensions (RFC 9457, 3.2)."""
        self.log_fields["problem"] = kind
        body = {
            "type": PROBLEM_TYPE_PREFIX + kind,
            "title": title,
            "status": status,
            "detail": detail,
            "request_id": self.request_id,
            **members,
        }
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == _UNAVAILABLE else {}
        return self.answer(status, body, **{"Content-Type": PROBLEM_JSON}, **retry)


def api_operation(name: str) -> Callable[[Callable[[ApiRequest], Answer]], Handle]:
    """Make the Lambda entry of one operation, by its operationId, of a function that answers its requests.

    The entry answers each of the REFUSALS with its problem, and writes one record of every request. Any other error
    goes on to Lambda, which logs it, and API Gateway answers 500.
    """

    def entry_of(respond: Callable[[ApiRequest], Answer]) -> Handle:
        @cache
        def allowed_origins() -> tuple[str, ...]:
            return read_environment(OriginsEnvironment).allowed_origins

        def handle(event: dict[str, Any], context: object) -> Answer:  # noqa: ARG001 - Lambda's signature
            began_at = time.perf_counter()
            request = ApiRequest.from_event(event, allowed_origins())
            status = 500
            try:
                try:
                    answer = respond(request)
                except _REFUSED as refused:
                    answer = request.refusal(refused)
                status = answer["statusCode"]
            except Exception as error:
                request.log_fields["error"] = type(error).__name__
                raise
            finally:
                write_record(
                    name, status=status, began_at=began_at, request_id=request.request_id, **request.log_fields
                )
            return answer

        return handle

    return entry_of


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """HTTP/2 has names in lower case; with HTTP/1.1 each client writes them as it likes."""
    return next((value for each, value in headers.items() if each.lower() == name), None)


def _cors_headers(headers: Mapping[str, str], allowed_origins: tuple[str, ...]) -> dict[str, str]:
    origin = _header(headers, "origin")
    if "*" in allowed_origins:
        origin = "*"
    elif origin not in allowed_origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Location,Retry-After",
        "Vary": "Origin",
    }
