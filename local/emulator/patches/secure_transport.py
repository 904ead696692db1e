"""What comes over loopback counts as sent over TLS.

AWS: `aws:SecureTransport` tells whether a request came by https; the program's buckets and queues refuse the rest.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
MiniStack: tells the truth, and it is served here over plain http, on loopback, where no certificate is to be trusted.
Here: true for every request. That plain http is refused is therefore asserted on the policies, not tried.
"""

from collections.abc import Callable

from local.emulator import patching


def patch() -> None:
    """Pin every request's origin as a secure one."""
    patching.replace("ministack.app", "pin_request_origin", _secure)


def _secure(original: Callable[[str, bool], None]) -> Callable[[str, bool], None]:
    def pin(source_ip: str, _secure_transport: bool) -> None:
        original(source_ip, True)

    return pin
