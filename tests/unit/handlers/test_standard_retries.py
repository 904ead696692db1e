"""Retries are those of boto3's standard mode, held to botocore's own code."""

from itertools import product
from typing import Any
from unittest.mock import Mock

import botocore.session
import pytest
from botocore.retries import standard as untyped
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.client import ATTEMPTS, QUOTA, THROTTLING_CODES, TRANSIENT_CODES, Failure, RetryQuota
from tests.support.each_case import each_case

standard: Any = untyped
OPERATIONS = [
    botocore.session.Session().get_service_model(service).operation_model(operation)
    for service, operation in [
        ("dynamodb", "PutItem"),
        ("dynamodb", "UpdateItem"),
        ("dynamodb", "GetItem"),
        ("secretsmanager", "GetSecretValue"),
    ]
]
MODELLED = {shape.name for operation in OPERATIONS for shape in operation.error_shapes}
BOTOCORES: set[str] = {
    *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,  # noqa: SLF001
    *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,  # noqa: SLF001
}
CODES = sorted({*THROTTLING_CODES, *TRANSIENT_CODES, *BOTOCORES, *MODELLED, "AccessDeniedException", "500"})


def context(code: str = "", status: int = 400, attempt: int = 1, operation: Any = OPERATIONS[0]) -> Any:
    return standard.RetryContext(
        attempt_number=attempt,
        operation_model=operation,
        parsed_response={"Error": {"Code": code}},
        http_response=Mock(status_code=status, headers={}),
    )


@each_case("code", CODES)
@each_case("status", [400, 403, 404, 413, 429, 500, 501, 502, 503, 504, 505])
def test_what_is_tried_again_is_what_botocore_tries_again(code: str, status: int) -> None:
    contexts = [context(code, status, operation=operation) for operation in OPERATIONS]
    botocores = [standard.StandardRetryConditions().is_retryable(each) for each in contexts]

    assert (Failure.of(code, status) is not None) == any(botocores)


@each_case("code", CODES)
def test_what_counts_as_throttling_is_what_botocore_counts(code: str) -> None:
    detector = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
    contexts = [context(code, operation=operation) for operation in OPERATIONS]
    botocores = [detector.is_throttling_error_from_context(each) for each in contexts]

    assert (Failure.of(code, 400) is Failure.THROTTLED) == any(botocores)


def test_there_are_as_many_attempts_as_botocore_makes() -> None:
    assert ATTEMPTS == standard.DEFAULT_MAX_ATTEMPTS


@given(st.integers(1, 30), st.floats(0, 1), st.sampled_from(Failure))
def test_waits_are_botocores(attempt: int, jitter: float, failure: Failure) -> None:
    code = "ThrottlingException" if failure is Failure.THROTTLED else "InternalServerError"
    detector = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
    backoff = standard.ExponentialBackoff(
        random=lambda: jitter, service_name="secrets-manager", throttling_detector=detector
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standard, "NEW_RETRIES_ENABLED", True)
        assert failure.backoff_seconds(attempt, jitter) == pytest.approx(
            backoff.delay_amount(context(code, 500, attempt))
        )


def test_waits_double_up_to_twenty_seconds() -> None:
    assert [Failure.THROTTLED.backoff_seconds(attempt, 1) for attempt in range(1, 8)] == [1, 2, 4, 8, 16, 20, 20]
    assert [Failure.TRANSIENT.backoff_seconds(attempt, 1) for attempt in (1, 2, 3)] == [0.05, 0.1, 0.2]
    assert Failure.THROTTLED.backoff_seconds(7, 0) == 0


class TestTheQuota:
    def spend_all(self, quota: RetryQuota, failure: Failure) -> int:
        """How many retries it allows."""
        return sum(quota.spend(failure) for _ in range(QUOTA))

    @each_case("failure", Failure)
    def test_allows_as_many_retries_as_botocores(self, failure: Failure) -> None:
        costs = {
            Failure.THROTTLED: standard.RetryQuotaChecker._THROTTLING_RETRY_COST,  # noqa: SLF001
            Failure.TRANSIENT: standard.RetryQuotaChecker._RETRY_COST_V2,  # noqa: SLF001
        }

        assert self.spend_all(RetryQuota(), failure) == 500 // costs[failure]

    @each_case("failure", Failure)
    def test_gets_back_what_a_retry_that_helped_has_cost(self, failure: Failure) -> None:
        quota = RetryQuota()
        allowed = self.spend_all(quota, failure)
        quota.refund(failure)

        assert (quota.spend(failure), quota.spend(failure)) == (True, False)
        assert allowed > 1

    def test_fills_up_by_calls_that_succeed_at_once_and_never_over(self) -> None:
        quota = RetryQuota()
        self.spend_all(quota, Failure.THROTTLED)
        for _ in range(4):
            quota.refund(None)
        assert not quota.spend(Failure.THROTTLED)
        quota.refund(None)
        assert quota.spend(Failure.THROTTLED)

        for failure, _ in product([None, *Failure], range(1_000)):
            quota.refund(failure)
        assert self.spend_all(quota, Failure.THROTTLED) == 100
