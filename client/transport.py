"""HTTP as this machine is set up for it: proxies, trusted certificates, timeouts, and connections that are kept."""

import base64
import http.client
import os
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
import urllib3
from urllib3.exceptions import LocationParseError
from urllib3.util import Timeout, Url, parse_url

from .errors import (
    ForeignAnswer,
    PortageError,
    TransportFault,
    UnexpectedAnswer,
    UntrustedCertificate,
    WrongConfig,
)

CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first that is set names the trusted authorities. Otherwise OpenSSL's own do, which SSL_CERT_FILE replaces."""

_T = TypeVar("_T")

_NOT_READABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last one if it is nested too deeply

Headers = Mapping[str, str] | Message
"""Of an answer."""

_EXCERPT_CHARACTERS = 200
_NO_LOGIN = "Tunnel connection failed: 407"  # the text is all that http.client's OSError has
TIMEOUT = Timeout(connect=5, read=35)  # API Gateway times out after 29 s and answers 504


class Proxy(NamedTuple):
    """A proxy from the environment."""

    host: str
    port: int
    headers: Mapping[str, str]
    """With its user and password, if there are any."""

    @property
    def url(self) -> str:
        """The URL, without user and password."""
        return f"http://{self.host}:{self.port}"


class Trust:
    """The trusted authorities, loaded once a client, because loading needs 20 to 40 ms of CPU. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """Load them at the first use. Raises WrongConfig if a variable names something else than certificates."""
        with self._lock:
            if self._context is None:
                self._context = _context()
            return self._context


class Http:
    """Requests to the API, Cognito and results. Each is one attempt, and follows no redirect. Thread-safe."""

    def __init__(self) -> None:
        self.trust = Trust()
        self._lock = threading.Lock()
        self._pools: dict[str, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        preload_content: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """Return the answer of any status. Raises TransportFault without one, or UntrustedCertificate."""
        place = place_of(url)
        what = f"{method} to {place.netloc}"
        try:
            with sendable(what):
                return self._pool(place).request(
                    method,
                    url,
                    headers=headers,
                    body=body,
                    preload_content=preload_content,
                    retries=False,
                    redirect=False,
                )
        except urllib3.exceptions.HTTPError as error:
            known = url.partition("?")[0]  # the rest of a presigned URL is a permission
            raise transport_error(f"{method} {known}", place.netloc, error) from error
        except OverflowError as error:
            raise UnexpectedAnswer(f"{what} was answered with a length that no answer has") from error

    def _pool(self, place: SplitResult) -> urllib3.PoolManager:
        proxy = proxy_for(place)
        trust = self.trust.context if place.scheme == "https" else None
        key = f"{place.scheme} {proxy.url if proxy is not None else ''}"
        with self._lock:
            if key not in self._pools:
                self._pools[key] = (
                    urllib3.PoolManager(timeout=TIMEOUT, ssl_context=trust)
                    if proxy is None
                    else urllib3.ProxyManager(
                        proxy.url, timeout=TIMEOUT, ssl_context=trust, proxy_headers=dict(proxy.headers)
                    )
                )
            return self._pools[key]


def proxy_for(place: SplitResult) -> Proxy | None:
    """Return the proxy of a URL from HTTPS_PROXY, HTTP_PROXY and NO_PROXY. This machine itself needs none."""
    host = place.hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127."):
        return None
    named = getproxies().get(place.scheme) or getproxies().get("all")
    if not named or proxy_bypass(host):
        return None
    try:
        proxy = urlsplit(named if "://" in named else f"http://{named}")
        port = proxy.port or 80
    except ValueError:  # without its text, which may hold a password
        proxy, port = None, 0
    if proxy is None or proxy.scheme != "http" or not proxy.hostname:
        raise WrongConfig(
            f"the proxy in {place.scheme.upper()}_PROXY is "
            f"{f'{proxy.scheme}://{proxy.hostname}' if proxy is not None else 'no URL'}, but must be an http URL, such "
            "as http://proxy.example.com:3128"
        )
    headers: dict[str, str] = {}
    if proxy.username:  # percent-encoded, because a password may have characters such as @
        login = unquote_to_bytes(os.fsencode(f"{proxy.username}:{proxy.password or ''}"))
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login).decode()}"
    return Proxy(proxy.hostname, port, headers)


def place_of(url: str) -> SplitResult:
    """Return the parts of a URL. Raises UnexpectedAnswer if it is none, without the URL, which may hold a signature."""
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError as error:
        raise UnexpectedAnswer("the API's answer has a URL that cannot be used") from error
    if not place.hostname or place.scheme not in {"http", "https"}:
        raise UnexpectedAnswer(f"the API's answer has a URL with {place.scheme!r}, but it must be http or https")
    return place


@contextmanager
def sendable(what: str) -> Generator[None]:
    """Raise UnexpectedAnswer for a URL, headers or a token that no request can have, such as line breaks."""
    try:
        yield
    except (OSError, urllib3.exceptions.HTTPError, PortageError):  # an untrusted certificate is a ValueError too
        raise
    except (ValueError, http.client.InvalidURL) as error:  # its message has the URL, with the signature
        raise UnexpectedAnswer(
            f"{what} cannot be sent: no request can have the URL, headers or token that a server gave"
        ) from error


def transport_error(what: str, place: str, error: BaseException) -> PortageError:
    """Return the client's error for one of a connection. Those that stay are WrongConfig."""
    untrusted = _untrusted(error)
    if untrusted is not None:
        cause = untrusted.verify_message or str(untrusted)
        return UntrustedCertificate(place, cause, _ca_variable() or CA_VARIABLES[0])
    if _NO_LOGIN in str(error):
        return WrongConfig(
            f"the proxy refused the connection to {place} with status 407: write user and password into HTTPS_PROXY, "
            "such as http://user:password@proxy.example.com:3128"
        )
    return TransportFault(f"{what} failed: {error}")


def checked_url(url: str, what: str) -> str:
    """Return the URL without trailing slashes. Raises ValueError unless it is https, or http to this machine."""
    try:
        parsed = parse_url(url)
    except LocationParseError:
        parsed = Url()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{what} is {url!r}: give the whole URL, such as https://example.com/live")
    if parsed.scheme == "http" and not _is_this_machine(parsed.host):
        raise ValueError(f"{what} is {url!r}, which would send tokens without encryption: give an https URL")
    return url.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def read(content: bytes, kind: type[_T], source: str) -> _T:
    """Read JSON into a model. Raises UnexpectedAnswer if a member is missing or has another type."""
    try:
        return msgspec.json.decode(content, type=kind)
    except _NOT_READABLE as error:
        raise UnexpectedAnswer(f"{source} is not as expected: {error}") from error


def retry_after(headers: Headers) -> float | None:
    """Return the seconds in a Retry-After header, which also may be a time, or None (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "")
    if value.isascii() and value.isdigit():
        return float(value)  # infinity if it has 309 digits
    moment = _http_date(value)
    return max(0.0, moment - server_time(headers)) if moment is not None else None


def server_time(headers: Headers) -> float:
    """Return the time in seconds since 1970 by the server's clock, because this machine's may be wrong."""
    moment = _http_date(headers.get("Date", ""))
    return moment if moment is not None else time.time()


def phrase(status: int) -> str:
    """Return the name of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as text."""
    return body.decode(errors="replace").strip()[:_EXCERPT_CHARACTERS]


def check_json(answer: urllib3.BaseHTTPResponse, url: str, service: str) -> None:
    """Raise ForeignAnswer if the answer is not JSON, so is not from the service."""
    try:
        msgspec.json.decode(answer.data, type=msgspec.Raw)
    except _NOT_READABLE as error:
        raise foreign(answer, url, service) from error


def foreign(answer: urllib3.BaseHTTPResponse, url: str, service: str) -> ForeignAnswer:
    """Return the error for an answer that is not from the service."""
    return ForeignAnswer(
        urlsplit(url).netloc, answer.status, excerpt(answer.data), retry_after(answer.headers), service
    )


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):  # it is no time, or in no year from 1 to 9999
        return None


def _ca_variable() -> str | None:
    return next((name for name in CA_VARIABLES if os.environ.get(name)), None)


def _context() -> ssl.SSLContext:
    variable = _ca_variable()
    if variable is None:
        return ssl.create_default_context()
    path = Path(os.environ[variable])
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=str(path))
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise WrongConfig(f"{variable} is {path}, which has no certificates that can be read: {error}") from error


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the cause of an error, if it is a certificate's. urllib3 wraps it, also in arguments."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = inner or getattr(error, "reason", None) or error.__cause__
        if not isinstance(error, BaseException):
            return None
    return None
