"""An object may name aws:kms without a key, and no key of its own where its bucket blocks that.

AWS: uses its own key for S3 then, aws/s3, whatever the bucket's default is.
S3 answers 403 to a client's own key (SSE-C) where the bucket's blocked encryption types have it.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html ("SSEKMSKeyId") and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_BlockedEncryptionTypes.html
MiniStack: has no key of AWS's own, and refuses the request with 400; it stores the blocked types and ignores them.
Here: blocked types are refused; the object is told to be encrypted with aws:kms and no key is named, as of a bucket
whose default names none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import patching

_ALGORITHM = "x-amz-server-side-encryption"
_KEY_ID = f"{_ALGORITHM}-aws-kms-key-id"
_OWN_KEY = "alias/aws/s3"
_CLIENTS_KEY = f"{_ALGORITHM}-customer-algorithm"
_BLOCKED = "<EncryptionType>SSE-C</EncryptionType>"


def patch() -> None:
    """Name a key and take the name out of what is kept and told; refuse what the bucket blocks."""
    patching.replace("ministack.services.s3", "_resolve_sse_write_headers", _with_own_key)


def _with_own_key(original: Callable[..., Any]) -> Callable[..., Any]:
    configurations = patching.attribute("ministack.services.s3", "_bucket_encryption")
    error = patching.attribute("ministack.services.s3", "_error")

    def resolve(headers: Mapping[str, str], bucket_name: str) -> Any:
        if _CLIENTS_KEY in headers and _BLOCKED in configurations.get(bucket_name, ""):
            return None, error("AccessDenied", "Access Denied: the bucket blocks SSE-C", 403)
        if headers.get(_ALGORITHM) != "aws:kms" or headers.get(_KEY_ID):
            return original(headers, bucket_name)
        kept, refusal = original({**headers, _KEY_ID: _OWN_KEY}, bucket_name)
        return (kept if refusal else {_ALGORITHM: "aws:kms"}), refusal

    return resolve
