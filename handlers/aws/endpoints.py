"""Where AWS's services answer: partitions and their hosts, and URLs of endpoints.

urllib.parse is not imported because it imports ipaddress: both take 3 ms of a cold start.
Source of the partitions: botocore, with which tests/unit/handlers/test_endpoints.py compares the table.
"""

from typing import NamedTuple


class Partition(NamedTuple):
    """A part of AWS that has its own accounts, regions and hosts."""

    name: str
    """The partition in ARNs."""
    region_prefix: str
    """The beginning of its regions' names."""
    dns_suffix: str
    """The end of its services' host names."""
    has_user_pools: bool
    """Whether it has Amazon Cognito user pools. A partition with them has all that a deployment needs."""


PARTITIONS = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", has_user_pools=False),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", has_user_pools=True),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", has_user_pools=True),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", has_user_pools=False),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", has_user_pools=False),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", has_user_pools=False),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", has_user_pools=False),
    Partition("aws", "", "amazonaws.com", has_user_pools=True),
)
"""The last one has all regions that match no other prefix."""


def partition_of(region: str) -> Partition:
    """Return the partition that a region belongs to."""
    return next(each for each in PARTITIONS if region.startswith(each.region_prefix))


_DEFAULT_PORTS = {"https": 443, "http": 80}

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
"""Bytes that are never percent-encoded (RFC 3986, 2.3)."""


class Endpoint(NamedTuple):
    """A URL under which a service answers."""

    scheme: str
    """http or https."""
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """Empty, or with a slash at its beginning and none at its end."""

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Read a URL without user, query and fragment; raises ValueError for any other text."""
        scheme, _, rest = url.lower().partition("://")
        authority = rest.partition("/")[0]
        path = url[len(scheme) + len("://") + len(authority) :].rstrip("/")
        host, colon, port = authority.rpartition(":")
        if not colon or port.endswith("]"):  # the colon is part of an IPv6 address
            host, colon, port = authority, "", ""
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            host = ""
        is_port = port.isdecimal() and port.isascii() and 0 < int(port) < 2**16 if colon else True
        is_plain = url.isascii() and not set("@?#[]\\ ") & set(f"{host}{path}")
        if scheme not in _DEFAULT_PORTS or not host or not is_port or not is_plain:
            raise ValueError(f"The endpoint is {url!r}, but must be of the form https://host[:port][/path].")
        return cls(scheme, host, int(port or _DEFAULT_PORTS[scheme]), path)

    @property
    def host_header(self) -> str:
        """The Host header, as HTTP clients send it: without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def quoted(text: str, safe: bytes = b"") -> str:
    """Percent-encode as S3 and Signature Version 4 do, except for unreserved and `safe` bytes."""
    data, kept = text.encode(), _UNRESERVED + safe
    if not data.translate(None, kept):
        return text
    return "".join([chr(byte) if byte in kept else f"%{byte:02X}" for byte in data])
