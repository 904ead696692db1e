"""Which errors are retried, and when."""

import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from client.errors import ApiProblem, ForeignAnswer, PortageError, S3Refused, TransportFault
from client.sending import StaleConnection

_T = TypeVar("_T")

_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
# The 400s and 409s with a cause in the transfer, not in the request. Source: S3 API reference, "Error responses".
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "BadDigest", "IncompleteBody", "ConditionalRequestConflict"})
_EXPIRY_CODES = frozenset({"AccessDenied", "ExpiredToken"})


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter, so that clients that failed together do not retry together.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """

    tries: int = 10
    """Attempts before the error is raised: with these times, after 45 seconds on average."""
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    longest_asked_seconds: float = 120.0
    """Upper limit for a server's Retry-After."""

    def wait_seconds(self, failures: int, error: PortageError) -> float:
        """Return the wait after this many consecutive failures. `error` is the last one."""
        asked = error.retry_after_seconds if isinstance(error, S3Refused | ForeignAnswer) else None
        if asked is not None:
            return min(asked, self.longest_asked_seconds) + random.uniform(0, self.first_seconds)  # noqa: S311 - no secret
        ceiling = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - no secret


def is_transient(error: PortageError) -> bool:
    """Whether the same request may succeed later."""
    match error:
        case TransportFault():
            return not isinstance(error.__cause__, ssl.SSLCertVerificationError)
        case S3Refused():
            return error.status in _PASSING or error.code in _PASSING_CODES
        case ApiProblem():
            return error.status in _PASSING
        case _:
            return False


def has_expired(error: PortageError) -> bool:
    """Whether S3 rejected a URL because it or the credentials that signed it have expired."""
    return isinstance(error, S3Refused) and error.code in _EXPIRY_CODES and "expired" in error.message.lower()


def with_retries(
    act: Callable[[], _T],
    backoff: Backoff,
    pause: Callable[[float], None],
    on_error: Callable[[PortageError], None] = lambda _: None,
) -> _T:
    """Return the result of `act`. Retries transient errors up to the limit, and raises all others."""
    failures = 0
    while True:
        try:
            return act()
        except StaleConnection:
            continue  # happens once, because the next attempt opens a connection
        except PortageError as error:
            failures += 1
            if failures >= backoff.tries or not is_transient(error):
                raise
            on_error(error)
            pause(backoff.wait_seconds(failures, error))
