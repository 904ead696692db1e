"""The errors with which API Gateway itself responds, as problem details (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.http.response import COMMON_HEADERS, PROBLEM_JSON, PROBLEM_TYPE_PREFIX

PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "ACCESS_DENIED": (403, "access-denied", "Access denied"),
    "API_CONFIGURATION_ERROR": (500, "internal-error", "Internal error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal-error", "Internal error"),
    "AUTHORIZER_FAILURE": (500, "internal-error", "Internal error"),
    "BAD_REQUEST_BODY": (400, "invalid-request", "Invalid request"),
    "BAD_REQUEST_PARAMETERS": (400, "invalid-request", "Invalid request"),
    "DEFAULT_4XX": (400, "bad-request", "Bad request"),
    "DEFAULT_5XX": (500, "internal-error", "Internal error"),
    "EXPIRED_TOKEN": (401, "unauthorized", "Unauthorized"),
    "INVALID_API_KEY": (403, "access-denied", "Access denied"),
    "INVALID_SIGNATURE": (403, "access-denied", "Access denied"),
    "INTEGRATION_FAILURE": (504, "unavailable", "Temporarily unavailable"),
    "INTEGRATION_TIMEOUT": (504, "unavailable", "Temporarily unavailable"),
    # API Gateway sends this for a path or method that does not exist.
    "MISSING_AUTHENTICATION_TOKEN": (404, "no-such-resource", "No such resource"),
    "QUOTA_EXCEEDED": (429, "throttled", "Too many requests"),
    "REQUEST_TOO_LARGE": (413, "request-too-large", "Request too large"),
    "RESOURCE_NOT_FOUND": (404, "no-such-resource", "No such resource"),
    "THROTTLED": (429, "throttled", "Too many requests"),
    "UNAUTHORIZED": (401, "unauthorized", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type", "Unsupported media type"),
    "WAF_FILTERED": (403, "access-denied", "Access denied"),
}
"""Status, kind and title of each error with which API Gateway itself responds."""

DETAILS = {
    "BAD_REQUEST_BODY": '"$context.error.validationErrorString"',
    "MISSING_AUTHENTICATION_TOKEN": '"There is no such path, or it has no such method; see the API\'s contract."',
    "REQUEST_TOO_LARGE": (
        '"API Gateway takes at most 10 MB. Ask POST /uploads for a presigned URL and send the file there."'
    ),
    "UNAUTHORIZED": '"Send the header Authorization: Bearer with a valid ID token of the user pool."',
    "EXPIRED_TOKEN": '"Sign in again: the token has expired."',
}
"""The message to the client, instead of API Gateway's own."""


def gateway_responses(allowed_origins: Sequence[str]) -> dict[str, Any]:
    """Return the document's x-amazon-apigateway-gateway-responses, by API Gateway's type of response."""
    return {kind: _gateway_response(kind, allowed_origins) for kind in sorted(PROBLEMS)}


def _gateway_response(kind: str, allowed_origins: Sequence[str]) -> dict[str, Any]:
    status, problem, title = PROBLEMS[kind]
    detail = DETAILS.get(kind, "$context.error.messageString")
    fixed = {"Content-Type": PROBLEM_JSON, **COMMON_HEADERS}
    parameters = {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in fixed.items()}
    if status == 401:  # noqa: PLR2004 - RFC 9110 requires a challenge with every 401
        parameters["gatewayresponse.header.WWW-Authenticate"] = "'Bearer'"
    if allowed_origins:
        # A gateway response cannot compute a header, and its mapping of request headers is case-sensitive: HTTP/1.1
        # has Origin, HTTP/2 origin. Every page may read these responses: they hold no data, and the API has no cookies.
        allowed = allowed_origins[0] if len(allowed_origins) == 1 else "*"
        parameters["gatewayresponse.header.Access-Control-Allow-Origin"] = f"'{allowed}'"
    template = (
        f'{{"type": "{PROBLEM_TYPE_PREFIX}{problem}", "title": "{title}", "status": {status}, '
        f'"detail": {detail}, "request_id": "$context.requestId"}}'
    )
    return {
        "statusCode": str(status),
        "responseParameters": parameters,
        "responseTemplates": {"application/json": template},
    }
