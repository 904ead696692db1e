"""HTTP calls to the API and Cognito: the connection pool, its timeouts and retries."""

from collections.abc import Collection, Mapping

import urllib3
from urllib3.util import Retry, Timeout, parse_url

from client.errors import TransportFault

EVERY_METHOD = frozenset({"GET", "POST", "DELETE"})

_TIMEOUT = Timeout(connect=5, read=35)  # API Gateway times out after 29 s and answers 504


def open_pool(repeatable: Collection[str] = ("GET",)) -> urllib3.PoolManager:
    """Return a pool for the calls of one client; close it with `clear()`.

    Retries a request that was sent only for `repeatable` methods, because others might take effect twice.
    """
    retries = Retry(
        total=5,
        connect=5,  # nothing was sent yet: safe for every method
        allowed_methods=repeatable,
        status_forcelist={429, 500, 502, 503, 504},
        backoff_factor=0.1,
        backoff_jitter=0.1,
        backoff_max=5,
        retry_after_max=5,
        raise_on_status=False,  # the last answer has more details than "too many 503s"
    )
    return urllib3.PoolManager(timeout=_TIMEOUT, retries=retries)


def checked_url(url: str, what: str) -> str:
    """Return the URL without trailing slashes. Raises ValueError if it is not an http or https URL."""
    parsed = parse_url(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{what} is {url!r}: give the whole URL, such as https://example.com/live")
    return url.rstrip("/")


def call(
    pool: urllib3.PoolManager, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
) -> urllib3.BaseHTTPResponse:
    """Return the answer of any status, with its body read. Does not follow redirects."""
    try:
        return pool.request(method, url, headers=headers, body=body, redirect=False)
    except urllib3.exceptions.MaxRetryError as error:
        raise TransportFault(f"{method} {url} failed: {error.reason or error}") from error
    except urllib3.exceptions.HTTPError as error:
        raise TransportFault(f"{method} {url} failed: {error}") from error
