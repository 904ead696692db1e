"""What is tried again, and after how long."""

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
# S3 API reference, "Error responses": of the 400s and 409s only these speak of the transfer and not of the request.
_PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "BadDigest", "IncompleteBody", "ConditionalRequestConflict"})
_EXPIRY_CODES = frozenset({"AccessDenied", "ExpiredToken"})


@dataclass(frozen=True)
class Backoff:
    """Exponential, with full jitter: clients that failed together don't come back together.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """

    tries: int = 10
    """After so many the fault is told: with these times, after 45 seconds of it in the mean."""
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    longest_asked_seconds: float = 120.0
    """More than that a server may ask for, but is not given."""

    def wait_seconds(self, failures: int, error: PortageError) -> float:
        """Return how long to wait after so many failures in a row, of which `error` is the last."""
        asked = error.retry_after_seconds if isinstance(error, S3Refused | ForeignAnswer) else None
        if asked is not None:
            return min(asked, self.longest_asked_seconds) + random.uniform(0, self.first_seconds)  # noqa: S311 - no secret
        ceiling = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - no secret


def passes(error: PortageError) -> bool:
    """Whether the same request may succeed a little later."""
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
    """Whether S3 refused a URL for its age, or for that of the credentials that signed it."""
    return isinstance(error, S3Refused) and error.code in _EXPIRY_CODES and "expired" in error.message.lower()


def patiently(
    act: Callable[[], _T],
    backoff: Backoff,
    pause: Callable[[float], None],
    on_fault: Callable[[PortageError], None] = lambda _: None,
) -> _T:
    """Return what `act` returns once it succeeds; its error if that does not pass, or came too often in a row."""
    failures = 0
    while True:
        try:
            return act()
        except StaleConnection:
            continue  # the next try opens a connection, so that this happens once
        except PortageError as error:
            failures += 1
            if failures >= backoff.tries or not passes(error):
                raise
            on_fault(error)
            pause(backoff.wait_seconds(failures, error))
