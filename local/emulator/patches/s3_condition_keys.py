"""Bucket policies can tell how a request to S3 was signed, when, and what it makes.

AWS: s3:authType, s3:signatureAge (in milliseconds, for URLs and forms), s3:if-none-match,
s3:ObjectCreationOperation (false for the start, the parts and the copied parts of a multipart upload),
s3:x-amz-server-side-encryption-aws-kms-key-id and -customer-algorithm.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
MiniStack: evaluates policies with a request's encryption, access list and tags, and of forms with their x-amz- fields.
Here: the other keys join them; an age is known of Signature Version 4 alone, since new buckets take no other.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from local.emulator import patching

_OF_FORM: ContextVar[Mapping[str, str]] = ContextVar("keys_of_form")
_ENCRYPTION = ("x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-customer-algorithm")


def patch() -> None:
    """Add to what is known of requests, and to what is asked about a form."""
    patching.replace("ministack.core.iam_actions", "s3_service_context", _with_keys_of_request)
    patching.replace("ministack.services.s3", "_enforce_signed_post_policy", _remembering_keys_of_form)
    patching.replace("ministack.core.iam_evaluator", "enforce", _with_keys_of_form)


def _with_keys_of_request(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def service_context(
        action: str, query: Mapping[str, list[str]] | None, path: str = "", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        asked = {name: values[0] for name, values in (query or {}).items()}
        sent = headers or {}
        is_presigned = bool(asked.keys() & {"X-Amz-Signature", "Signature"})
        keys = _presigned("REST-QUERY-STRING", asked) if is_presigned else {"s3:authType": "REST-HEADER"}
        if action == "s3:PutObject":
            keys["s3:ObjectCreationOperation"] = str(not asked.keys() & {"uploads", "partNumber"}).lower()
            keys |= {f"s3:{name}": sent[name] for name in ("if-none-match", *_ENCRYPTION) if name in sent}
        return {**original(action, query, path, headers), **keys}

    return service_context


def _remembering_keys_of_form(original: Callable[..., Any]) -> Callable[..., Any]:
    def check(fields: Mapping[str, str], *arguments: Any) -> Any:
        keys = {
            **_presigned("POST", {"X-Amz-Date": fields.get("x-amz-date", "")}),
            "s3:ObjectCreationOperation": "true",
        }
        token = _OF_FORM.set(keys)
        try:
            return original(fields, *arguments)
        finally:
            _OF_FORM.reset(token)

    return check


def _with_keys_of_form(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(*arguments: Any, service_context: Mapping[str, Any] | None = None, **more: Any) -> Any:
        return original(*arguments, service_context={**(service_context or {}), **_OF_FORM.get({})}, **more)

    return enforce


def _presigned(how: str, asked: Mapping[str, str]) -> dict[str, str]:
    """What is known of a URL or form; the age only of one that MiniStack does not refuse for its date anyway.

    AWS tells that a URL has expired before it asks the policy, MiniStack afterwards.
    """
    keys = {"s3:authType": how}
    try:
        signed_at = datetime.strptime(asked.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        expires_in_seconds = float(asked.get("X-Amz-Expires", "inf"))
    except ValueError:
        return keys
    age_seconds = (datetime.now(UTC) - signed_at).total_seconds()
    return keys if age_seconds > expires_in_seconds else {**keys, "s3:signatureAge": str(int(age_seconds * 1000))}
