"""The one retry policy, for the API, Cognito and S3: when transient errors are retried, and how often."""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from .errors import PortageError, S3Refused, StaleConnection, TransportFault

_T = TypeVar("_T")

_EXPIRY_CODES = frozenset({"AccessDenied", "ExpiredToken"})

_is_retrying: ContextVar[bool] = ContextVar("_is_retrying", default=False)


OnError = Callable[[PortageError], object]
"""Called with each error that is retried."""


def ignore(_: PortageError) -> None:
    """Report no errors that are retried."""


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter, so that clients that failed together do not retry together.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """

    tries: int = 10
    """Attempts before the error is raised: with these times, after 45 seconds on average."""
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    longest_asked_seconds: float = 120.0
    """Upper limit for a server's Retry-After."""

    def wait_seconds(self, failures: int, error: BaseException) -> float:
        """Return the wait after this many consecutive failures. `error` is the last one."""
        if isinstance(error, StaleConnection):
            return 0  # the next attempt opens a connection
        asked = error.retry_after_seconds if isinstance(error, PortageError) else None
        if asked is not None:
            return min(asked, self.longest_asked_seconds) + random.uniform(0, self.first_seconds)  # noqa: S311 - no secret
        ceiling = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - no secret


def has_expired(error: PortageError) -> bool:
    """Whether S3 rejected a URL because it or the credentials that signed it have expired."""
    return isinstance(error, S3Refused) and error.code in _EXPIRY_CODES and "expired" in error.message.lower()


def with_retries(
    act: Callable[[], _T],
    policy: RetryPolicy,
    pause: Callable[[float], None] | None = None,
    on_error: OnError = ignore,
) -> _T:
    """Return the result of `act`. Retries transient errors up to the limit, and raises all others.

    Inside `act`, another call of this function makes one attempt: a step that sends to S3 and asks the API for a new
    signature has one budget, that of the outermost call.
    """
    if _is_retrying.get():
        return act()

    def wait(state: RetryCallState) -> float:
        return policy.wait_seconds(state.attempt_number, _error_of(state))

    def before_sleep(state: RetryCallState) -> None:
        error = _error_of(state)
        if isinstance(error, PortageError) and not isinstance(error, StaleConnection):
            on_error(error)

    attempts = Retrying(
        sleep=pause or time.sleep,
        stop=stop_after_attempt(policy.tries),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, PortageError) and error.is_transient),
        before_sleep=before_sleep,
        reraise=True,
    )
    token = _is_retrying.set(True)
    try:
        return attempts(act)
    finally:
        _is_retrying.reset(token)


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    return error or TransportFault("no error")
