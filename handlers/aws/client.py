"""The base of the light clients of AWS's services: signing, a kept connection and the SDK's retries, without boto3.

The hot functions use them, because boto3 would take most of their cold start.
Sources: IAM guide, "Create a signed AWS API request"; AWS SDKs and Tools Reference Guide, "Retry behavior", with the
backoff and quota costs that are every SDK's default from November 2026. Codes: botocore/retries/standard.py, with which
the tests compare them.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from handlers.aws.endpoints import Endpoint
from handlers.aws.environment import role_credentials
from handlers.aws.http_connection import Answer, KeptConnection
from handlers.aws.presign import ALGORITHM, Credentials, signing_key

_signing_key = lru_cache(maxsize=4)(signing_key)  # valid for one UTC day, and a function calls at most three services

_GOOD_STATUSES = range(200, 300)

CLOCK_SKEW_SECONDS = 240
"""Services reject a signature that is 5 minutes old or early; one minute is left for the transfer."""

CLOCK_SKEW_CODES = frozenset({
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
})  # fmt: skip
"""Error codes that a wrong clock can cause. Source: aws-sdk-js-v3, service-error-classification."""


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
    "ReplicatedWriteConflictException",  # global tables; DynamoDB's model says that it is retryable
    "RequestTimeout",
    "RequestTimeoutException",
})  # fmt: skip
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})


class AwsError(Exception):
    """The service rejected the last attempt of a call."""

    def __init__(self, code: str, message: str, status: int, body: Mapping[str, Any]) -> None:
        # The next lines are the request as the service would have signed it, including the session token.
        message = message.partition("\n")[0]
        super().__init__(f"{code}: {message}")
        self.code = code
        """The exception's name in the service's API, such as ConditionalCheckFailedException."""
        self.message = message
        self.status = status
        self.body = body
        """The whole JSON answer, for example with `Item`; empty if it is not JSON."""


class NoAnswer(Exception):
    """The service could not be reached, or its answer is incomplete. The call may have taken effect."""


class Request(NamedTuple):
    """One request to sign: `target` is the encoded path and query, with the query sorted by name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Failure(Enum):
    """A temporary failure, as (first backoff in seconds, cost of a retry in tokens of the quota)."""

    THROTTLED = (1.0, 5)
    TRANSIENT = (0.05, 14)

    @classmethod
    def of(cls, code: str, status: int) -> "Failure | None":
        """Return the kind of an error answer, or None if the same call would fail again."""
        if code in THROTTLING_CODES:
            return cls.THROTTLED
        return cls.TRANSIENT if code in TRANSIENT_CODES or status in TRANSIENT_STATUSES else None

    def backoff_seconds(self, attempt: int, jitter: float) -> float:
        """Return the wait after an attempt (counted from 1), for a random jitter from 0 to 1."""
        first, _cost = self.value
        return jitter * min(first * 2 ** (attempt - 1), MAX_BACKOFF_SECONDS)


class RetryQuota:
    """A client's budget of retries. When a service is down, it is soon used up, and calls fail at the first attempt."""

    def __init__(self) -> None:
        self._tokens = QUOTA

    def spend(self, failure: Failure) -> bool:
        """Pay for one retry; returns False if the budget is too small."""
        _backoff, cost = failure.value
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def refund(self, last: Failure | None) -> None:
        """Return the cost of a successful call's last retry to the budget, or one token if there was no retry."""
        _backoff, cost = last.value if last else (0, 1)
        self._tokens = min(QUOTA, self._tokens + cost)


class AwsClient:
    """One service over one keep-alive connection, for one thread at a time; each protocol is a subclass.

    Create it when the function starts, because that reads the certificates. A call lasts at most three times both
    timeouts, plus the waits between the attempts (3 s if throttled, otherwise 0.15 s). Proxies are not used.
    """

    def __init__(
        self,
        service: str,
        region: str,
        origin: str,
        *,
        connect_timeout_seconds: float = 1,
        read_timeout_seconds: float = 2,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        endpoint = Endpoint.parse(origin)
        if endpoint.path:
            raise ValueError(f"The endpoint is {origin!r}, but must be of the form https://host[:port].")
        self._service = service
        self._region = region
        self._host = endpoint.host_header
        self._connection = KeptConnection(
            endpoint.host,
            endpoint.port,
            tls=endpoint.scheme == "https",
            connect_timeout_seconds=connect_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
        )
        self._clock = clock
        self._skew_seconds = 0.0
        self._sleep = sleep
        self._jitter = jitter or _random
        self._quota = RetryQuota()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def _answer(self, operation: str, request: Request) -> Answer:
        """Return a successful answer; raises AwsError or NoAnswer after the last attempt."""
        attempt, last = 0, None
        while True:
            attempt += 1
            error: Exception
            try:
                answer = self._exchange(request)
            except OSError as cause:
                error = NoAnswer(f"{self._host} did not answer {operation}, attempt {attempt}: {cause!r}")
                error.__cause__ = cause
                failure = Failure.TRANSIENT
            else:
                if answer.status in _GOOD_STATUSES:
                    self._quota.refund(last)
                    return answer
                error = self._error(answer)
                failure = Failure.of(error.code, error.status) or self._clock_failure(error.code, answer)
            if failure is None or attempt == ATTEMPTS or not self._quota.spend(failure):
                raise error
            last = failure
            self._sleep(failure.backoff_seconds(attempt, self._jitter()))

    def _error(self, answer: Answer) -> AwsError:
        """Return the error in an answer, as the protocol writes it."""
        raise NotImplementedError

    def _check(self, answer: Answer) -> None:
        """Raise BrokenAnswer if a checksum of the answer is wrong."""

    def _exchange(self, request: Request) -> Answer:
        now = self._clock() + self._skew_seconds
        complete = request._replace(headers={"Host": self._host, **request.headers})
        signed = sign(complete, role_credentials(), service=self._service, region=self._region, now=now)
        answer = self._connection.request(request.method, request.target, signed, request.body)
        self._check(answer)
        return answer

    def _clock_failure(self, code: str, answer: Answer) -> Failure | None:
        """Set the clock by the answer's Date, if a wrong clock explains the error."""
        if code not in CLOCK_SKEW_CODES or "date" not in answer.headers:
            return None
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - takes 10 ms, and is hardly ever needed

        skew = parsedate_to_datetime(answer.headers["date"]).timestamp() - self._clock()
        if abs(skew - self._skew_seconds) < CLOCK_SKEW_SECONDS:
            return None
        self._skew_seconds = skew
        return Failure.TRANSIENT


def sign(request: Request, credentials: Credentials, *, service: str, region: str, now: float) -> dict[str, str]:
    """Return the request's headers, all of them signed, and the signature; `now` is epoch seconds."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.body).hexdigest()
    complete = {**request.headers, "X-Amz-Date": stamp}
    if service == "s3":
        complete["X-Amz-Content-Sha256"] = digest  # the other services need no header for the signed body
    if credentials.session_token:
        complete["X-Amz-Security-Token"] = credentials.session_token
    signed = {name.lower(): " ".join(value.split()) for name, value in complete.items()}
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    path, _, query = request.target.partition("?")
    canonical = f"{request.method}\n{path}\n{query}\n{canonical_headers}\n{names}\n{digest}"
    to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_access_key, stamp[:8], region, service)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"Credential={credentials.access_key_id}/{scope}"
    complete["Authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return complete


def _random() -> float:
    from random import random  # noqa: PLC0415 - takes 2 ms, and most calls succeed at once

    return random()  # noqa: S311 - it spreads retries, and guards nothing
