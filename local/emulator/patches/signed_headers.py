"""A presigned request may carry no x-amz- header that was not signed.

AWS: 403 AccessDenied, "There were headers present in the request which were not signed".
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html ("SignedHeaders")
MiniStack: takes such headers, so that a client could change the storage class or the encryption of an upload.
Here: the same refusal, after the signature was found good.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import patching

_MODULE = "ministack.services.s3"


def patch() -> None:
    """Look at the headers once the signature is found good."""
    patching.replace(_MODULE, "_verify_presigned_sigv4", _with_all_signed)


def _with_all_signed(original: Callable[..., Any]) -> Callable[..., Any]:
    make_error = patching.attribute(_MODULE, "_error")

    def verify(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Any:
        refusal = original(method, path, headers, query)
        signed = query.get("X-Amz-SignedHeaders")
        if refusal is not None or not signed:
            return refusal
        names = set(signed[0].lower().split(";"))
        if any(name.lower().startswith("x-amz-") and name.lower() not in names for name in headers):
            return make_error(
                "AccessDenied", "There were headers present in the request which were not signed", 403, path
            )
        return None

    return verify
