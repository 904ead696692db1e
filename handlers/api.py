"""The HTTP side of the API's Lambda functions: bodies in, answers and problem details (RFC 9457) out."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from handlers.uploads.model import InvalidRequest

PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:portage:problem:"


@dataclass(frozen=True)
class ApiRequest:
    """One request that the gateway has authorized, and how to answer it."""

    owner: str
    """The signed-in user's `sub`: a UUID that Cognito never reuses."""
    request_id: str
    body: str
    cors_headers: Mapping[str, str]

    @classmethod
    def from_event(cls, event: dict[str, Any], allowed_origins: tuple[str, ...]) -> Self:
        """Take what a REST API's proxy integration sends."""
        body = event["body"] or ""
        if event["isBase64Encoded"]:
            body = base64.b64decode(body).decode("utf-8", "replace")
        context = event["requestContext"]
        headers: dict[str, str] = event["headers"] or {}
        return cls(
            owner=context["authorizer"]["claims"]["sub"],
            request_id=context["requestId"],
            body=body,
            cors_headers=_cors_headers(headers, allowed_origins),
        )

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

    def problem(self, status: int, kind: str, title: str, detail: str) -> dict[str, Any]:
        """Shape a problem detail; `kind` ends its type URN."""
        body = {
            "type": PROBLEM_TYPE_PREFIX + kind,
            "title": title,
            "status": status,
            "detail": detail,
            "request_id": self.request_id,
        }
        return self.answer(status, body, **{"Content-Type": PROBLEM_JSON})


def _cors_headers(headers: Mapping[str, str], allowed_origins: tuple[str, ...]) -> dict[str, str]:
    origin = headers.get("origin") or headers.get("Origin")  # HTTP/2 and HTTP/1.1, as browsers write it
    if "*" in allowed_origins:
        origin = "*"
    elif origin not in allowed_origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Location", "Vary": "Origin"}
