"""An object may name aws:kms without a key.

AWS: uses its own key for S3 then, aws/s3, whatever the bucket's default is.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html ("SSEKMSKeyId")
MiniStack: has no key of AWS's own, and refuses the request with 400.
Here: the object is told to be encrypted with aws:kms and no key is named, as of a bucket whose default names none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.shim import gap

_ALGORITHM = "x-amz-server-side-encryption"
_KEY_ID = f"{_ALGORITHM}-aws-kms-key-id"
_OWN_KEY = "alias/aws/s3"


def mend() -> None:
    """Name a key, and take the name out of what is kept and told."""
    gap.replace("ministack.services.s3", "_resolve_sse_write_headers", _with_own_key)


def _with_own_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(headers: Mapping[str, str], bucket_name: str) -> Any:
        if headers.get(_ALGORITHM) != "aws:kms" or headers.get(_KEY_ID):
            return original(headers, bucket_name)
        kept, refusal = original({**headers, _KEY_ID: _OWN_KEY}, bucket_name)
        return (kept if refusal else {_ALGORITHM: "aws:kms"}), refusal

    return resolve
