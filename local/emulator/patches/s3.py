"""Patches of S3: signed headers, keys of bucket-policy conditions, encryption, ranges of versions, and events.

Signed headers
    AWS: rejects a presigned request with an x-amz- header that was not signed: 403 AccessDenied, "There were headers
    present in the request which were not signed".
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html ("SignedHeaders")
    MiniStack: accepts such headers, so a client could change the storage class or the encryption of an upload.
    Here: the same error, after the signature is verified.

Condition keys
    AWS: policies can use s3:authType, s3:signatureAge (in milliseconds, for URLs and forms), s3:if-none-match,
    s3:ObjectCreationOperation (false for the start, the parts and the copied parts of a multipart upload),
    s3:x-amz-server-side-encryption-aws-kms-key-id and -customer-algorithm.
    Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html and
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    MiniStack: evaluates policies with a request's encryption, access list and tags, and with a form's x-amz- fields.
    Here: these keys are added. Only Signature Version 4 has an age, because new buckets accept no other version.

Encryption
    AWS: an object with aws:kms and no key gets AWS's own key, aws/s3, and not the bucket's default. S3 answers 403
    to a key of the client (SSE-C) if the bucket's blocked encryption types contain it.
    Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html ("SSEKMSKeyId") and
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_BlockedEncryptionTypes.html
    MiniStack: has no key of AWS's own and answers 400. It stores the blocked types and ignores them.
    Here: blocked types are rejected. An object with AWS's own key is reported as encrypted with aws:kms without a key
    id, like an object in a bucket without a default key.

Ranges of versions
    AWS: a GET of a version with a Range answers 206 with these bytes alone, and without the whole object's checksums.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html ("Range")
    MiniStack: ignores the Range if the request names a version.
    Here: the same answer as for the current object.

Events
    AWS: the event of a created object has its version in `detail.object.version-id` if the bucket has versions.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    MiniStack: leaves the version out of the EventBridge event.
    Here: the version is added.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from local.emulator import patching

_MODULE = "ministack.services.s3"
_ENCRYPTION = "x-amz-server-side-encryption"
_KMS_KEY_ID = f"{_ENCRYPTION}-aws-kms-key-id"
_CUSTOMER_ALGORITHM = f"{_ENCRYPTION}-customer-algorithm"
_OWN_KEY = "alias/aws/s3"
_BLOCKS_SSE_C = "<EncryptionType>SSE-C</EncryptionType>"

_OK, _PARTIAL = 200, 206

_form_keys: ContextVar[Mapping[str, str]] = ContextVar("form_keys")
_version_id: ContextVar[str | None] = ContextVar("version_id", default=None)


def patch() -> None:
    """Patch how S3 verifies, authorizes and encrypts requests, and its events."""
    patching.replace(_MODULE, "_verify_presigned_sigv4", _with_all_signed)
    patching.replace("ministack.core.iam_actions", "s3_service_context", _with_request_keys)
    patching.replace(_MODULE, "_enforce_signed_post_policy", _keeping_form_keys)
    patching.replace("ministack.core.iam_evaluator", "enforce", _with_form_keys)
    patching.replace(_MODULE, "_resolve_sse_write_headers", _with_own_key)
    patching.replace(_MODULE, "_get_object", _with_range_of_version)
    patching.replace(_MODULE, "_fire_s3_event", _keeping_version)
    patching.replace("ministack.services.eventbridge", "_dispatch_event", _with_version)


def _with_all_signed(original: Callable[..., Any]) -> Callable[..., Any]:
    make_error = patching.attribute(_MODULE, "_error")

    def verify(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Any:
        error = original(method, path, headers, query)
        signed = query.get("X-Amz-SignedHeaders")
        if error is not None or not signed:
            return error
        names = set(signed[0].lower().split(";"))
        if any(name.lower().startswith("x-amz-") and name.lower() not in names for name in headers):
            return make_error(
                "AccessDenied", "There were headers present in the request which were not signed", 403, path
            )
        return None

    return verify


def _with_request_keys(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def service_context(
        action: str, query: Mapping[str, list[str]] | None, path: str = "", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        parameters = {name: values[0] for name, values in (query or {}).items()}
        sent = headers or {}
        is_presigned = bool(parameters.keys() & {"X-Amz-Signature", "Signature"})
        keys = _presigned("REST-QUERY-STRING", parameters) if is_presigned else {"s3:authType": "REST-HEADER"}
        if action == "s3:PutObject":
            keys["s3:ObjectCreationOperation"] = str(not parameters.keys() & {"uploads", "partNumber"}).lower()
            keys |= {
                f"s3:{name}": sent[name] for name in ("if-none-match", _KMS_KEY_ID, _CUSTOMER_ALGORITHM) if name in sent
            }
        return {**original(action, query, path, headers), **keys}

    return service_context


def _keeping_form_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    def check(fields: Mapping[str, str], *arguments: Any) -> Any:
        keys = {
            **_presigned("POST", {"X-Amz-Date": fields.get("x-amz-date", "")}),
            "s3:ObjectCreationOperation": "true",
        }
        token = _form_keys.set(keys)
        try:
            return original(fields, *arguments)
        finally:
            _form_keys.reset(token)

    return check


def _with_form_keys(original: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(*arguments: Any, service_context: Mapping[str, Any] | None = None, **more: Any) -> Any:
        return original(*arguments, service_context={**(service_context or {}), **_form_keys.get({})}, **more)

    return enforce


def _presigned(auth_type: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a URL or form; the age is left out if it has expired or has no valid date.

    AWS rejects an expired URL before it evaluates the policy, MiniStack afterwards.
    """
    keys = {"s3:authType": auth_type}
    try:
        signed_at = datetime.strptime(parameters.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        expires_in_seconds = float(parameters.get("X-Amz-Expires", "inf"))
    except ValueError:
        return keys
    age_seconds = (datetime.now(UTC) - signed_at).total_seconds()
    return keys if age_seconds > expires_in_seconds else {**keys, "s3:signatureAge": str(int(age_seconds * 1000))}


def _with_own_key(original: Callable[..., Any]) -> Callable[..., Any]:
    configurations = patching.attribute(_MODULE, "_bucket_encryption")
    error = patching.attribute(_MODULE, "_error")

    def resolve(headers: Mapping[str, str], bucket_name: str) -> Any:
        if _CUSTOMER_ALGORITHM in headers and _BLOCKS_SSE_C in configurations.get(bucket_name, ""):
            return None, error("AccessDenied", "Access Denied: the bucket blocks SSE-C", 403)
        if headers.get(_ENCRYPTION) != "aws:kms" or headers.get(_KMS_KEY_ID):
            return original(headers, bucket_name)
        kept, refused = original({**headers, _KMS_KEY_ID: _OWN_KEY}, bucket_name)
        return (kept if refused else {_ENCRYPTION: "aws:kms"}), refused

    return resolve


def _with_range_of_version(original: Callable[..., Any]) -> Callable[..., Any]:
    parse_range = patching.attribute(_MODULE, "_parse_range")
    error = patching.attribute(_MODULE, "_error")

    def get(bucket_name: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None) -> Any:
        status, answered, body = original(bucket_name, key, headers, query)
        if status != _OK or not (query or {}).get("versionId") or not headers.get("range"):
            return status, answered, body
        if (found := parse_range(headers["range"], len(body))) is None:
            return error("InvalidRange", "The requested range is not satisfiable", 416, f"/{bucket_name}/{key}")
        first, last = found
        kept = {name: each for name, each in answered.items() if not name.lower().startswith("x-amz-checksum-")}
        kept |= {
            "Content-Length": str(last - first + 1),
            "Content-Range": f"bytes {first}-{last}/{len(body)}",
        }
        return _PARTIAL, kept, body[first : last + 1]

    return get


def _keeping_version(original: Callable[..., None]) -> Callable[..., None]:
    def fire(*arguments: Any, version_id: str | None = None, **more: Any) -> None:
        token = _version_id.set(version_id)
        try:
            original(*arguments, version_id=version_id, **more)
        finally:
            _version_id.reset(token)

    return fire


def _with_version(original: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(event: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        version_id = _version_id.get()
        if version_id and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        return original(event, *arguments, **more)

    return dispatch
