"""Which failed calls of AWS are tried again, and when: the SDKs' standard retry mode.

Source: AWS SDKs and Tools Reference Guide, "Retry behavior", with the backoff and quota costs that are every SDK's
default from November 2026. Codes: botocore/retries/standard.py, to which the tests hold this module.
"""

from enum import Enum

ATTEMPTS = 3
MAX_BACKOFF_SECONDS = 20.0
QUOTA = 500

THROTTLING_CODES = frozenset({
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip
TRANSIENT_CODES = frozenset({
    "ReplicatedWriteConflictException",  # global tables; retryable by DynamoDB's model
    "RequestTimeout",
    "RequestTimeoutException",
})  # fmt: skip
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})


class Failure(Enum):
    """A failure that may pass, as (first backoff in seconds, cost of a retry in tokens of the quota)."""

    THROTTLED = (1.0, 5)
    TRANSIENT = (0.05, 14)

    @classmethod
    def of(cls, code: str, status: int) -> "Failure | None":
        """Return the kind of an error answer, or None if the same call would fail again."""
        if code in THROTTLING_CODES:
            return cls.THROTTLED
        return cls.TRANSIENT if code in TRANSIENT_CODES or status in TRANSIENT_STATUSES else None

    def backoff_seconds(self, attempt: int, jitter: float) -> float:
        """Wait before the attempt after this one (counted from 1), for a random jitter of 0 to 1."""
        first, _cost = self.value
        return jitter * min(first * 2 ** (attempt - 1), MAX_BACKOFF_SECONDS)


class RetryQuota:
    """A client's budget of retries: while a service is down, calls soon fail at their first attempt."""

    def __init__(self) -> None:
        self._tokens = QUOTA

    def spend(self, failure: Failure) -> bool:
        """Pay for one retry; False where the budget does not suffice."""
        _backoff, cost = failure.value
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def refund(self, last: Failure | None) -> None:
        """A call succeeded: give back what its last retry cost, or one token where it needed none."""
        _backoff, cost = last.value if last else (0, 1)
        self._tokens = min(QUOTA, self._tokens + cost)
