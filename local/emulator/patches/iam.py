"""Patch of IAM: a request over loopback counts as sent by https.

AWS: `aws:SecureTransport` is true if a request came by https. The program's buckets and queues reject other requests.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
MiniStack: has the same key. Local mode serves plain http on loopback, because clients trust no certificate there.
Here: the key is true for every request. Tests therefore check the policies instead of sending plain http.
"""

from collections.abc import Callable

from local.emulator import patching


def patch() -> None:
    """Set every request's transport to secure."""
    patching.replace("ministack.app", "pin_request_origin", _secure)


def _secure(original: Callable[[str, bool], None]) -> Callable[[str, bool], None]:
    def pin(source_ip: str, _secure_transport: bool) -> None:
        original(source_ip, True)

    return pin
