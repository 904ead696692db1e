"""What the light clients of AWS's services share: signing, a kept connection, and the SDK's retries, without boto3.

For the functions that somebody waits for: boto3 would take most of their cold start.
Source: IAM guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from handlers.aws.endpoints import Endpoint
from handlers.aws.environment import role_credentials
from handlers.aws.http_connection import Answer, KeptConnection
from handlers.aws.presign import ALGORITHM, Credentials, signing_key
from handlers.aws.retries import ATTEMPTS, Failure, RetryQuota

_signing_key = lru_cache(maxsize=4)(signing_key)  # good for one UTC day, and a function calls three services at most

_GOOD_STATUSES = range(200, 300)

CLOCK_SKEW_SECONDS = 240
"""Services refuse what was signed 5 minutes ago or ahead; the minute less is for the way."""

CLOCK_SKEW_CODES = frozenset({
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
})  # fmt: skip
"""What a wrong clock may be answered with. Source: aws-sdk-js-v3, service-error-classification."""


class AwsError(Exception):
    """The service refused a call, in its last attempt."""

    def __init__(self, code: str, message: str, status: int, body: Mapping[str, Any]) -> None:
        # What follows the first line is the request as the service would have signed it, session token included.
        message = message.partition("\n")[0]
        super().__init__(f"{code}: {message}")
        self.code = code
        """The exception's name in the service's API, such as ConditionalCheckFailedException."""
        self.message = message
        self.status = status
        self.body = body
        """All that a JSON answer says, such as `Item`; empty where it was not JSON."""


class NoAnswer(Exception):
    """The service could not be reached, or broke off; whether it did what it was asked is not known."""


class Request(NamedTuple):
    """One request, as it is signed: `target` is path and query, both encoded, the query in the order of its names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class AwsClient:
    """One service over one connection that is kept alive, for one thread at a time; a protocol is a subclass.

    Make it when the function starts: that reads the certificates. A call lasts at most three times both timeouts, and
    the waits between (3 s where throttled, else 0.15 s). Proxies are not used.
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
        """Return a good answer; raises AwsError or NoAnswer once the request is not worth another attempt."""
        attempt, last = 0, None
        while True:
            attempt += 1
            error: Exception
            try:
                answer = self._exchange(request)
            except OSError as fault:
                error = NoAnswer(f"{self._host} did not answer {operation}, attempt {attempt}: {fault!r}")
                error.__cause__ = fault
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
        """Read what a refusal says, in the protocol's own form."""
        raise NotImplementedError

    def _check(self, answer: Answer) -> None:
        """Raise BrokenAnswer where a checksum of the answer is wrong."""

    def _exchange(self, request: Request) -> Answer:
        now = self._clock() + self._skew_seconds
        complete = request._replace(headers={"Host": self._host, **request.headers})
        signed = sign(complete, role_credentials(), service=self._service, region=self._region, now=now)
        answer = self._connection.request(request.method, request.target, signed, request.body)
        self._check(answer)
        return answer

    def _clock_failure(self, code: str, answer: Answer) -> Failure | None:
        """Set the clock by the answer's Date, where that explains why the signature was refused."""
        if code not in CLOCK_SKEW_CODES or "date" not in answer.headers:
            return None
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - takes 10 ms, and is hardly ever needed

        skew = parsedate_to_datetime(answer.headers["date"]).timestamp() - self._clock()
        if abs(skew - self._skew_seconds) < CLOCK_SKEW_SECONDS:
            return None
        self._skew_seconds = skew
        return Failure.TRANSIENT


def sign(request: Request, credentials: Credentials, *, service: str, region: str, now: float) -> dict[str, str]:
    """Return the request's headers, all signed, with the signature; `now` is epoch seconds."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.body).hexdigest()
    complete = {**request.headers, "X-Amz-Date": stamp}
    if service == "s3":
        complete["X-Amz-Content-Sha256"] = digest  # the other services sign the body, and ask no header for it
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
