"""The times of a job agree: a function ends before its message comes again, and the reconciler looks after both."""

from typing import Any

import pulumi_aws as aws
import pytest

from components.compute.fargate import VISIBILITY_SECONDS
from components.messaging import arrivals
from handlers.domain.delays import (
    EVENT_DELAY,
    LONGEST_DELAY_SECONDS,
    LONGEST_FUNCTION_SECONDS,
    LONGEST_HIDDEN_SECONDS,
    LONGEST_JOB_SECONDS,
    LONGEST_WAIT,
    meeting_delay_seconds,
    retry_delay_seconds,
)
from handlers.domain.upload import LONGEST_RUN, MESSAGE_LIFETIME
from handlers.use_cases.lease import CLOCK_MARGIN, LEASE, RENEW_EVERY_SECONDS, RENEWAL_SECONDS, RETRY_SECONDS
from tests.support.components.examples import FARGATE, NAME, PROCESSING_PIPELINE
from tests.support.components.recording import Recording, arn_of, record

COMPUTES: dict[str, dict[str, Any]] = {
    "lambda": {},
    "step-functions": {"compute": "step-functions"},
    "fargate": FARGATE,
}
"""The arguments that choose each compute."""

LOWEST, HIGHEST = PROCESSING_PIPELINE.ranges["timeout_seconds"]
LONGEST = {"lambda": LONGEST_FUNCTION_SECONDS, "step-functions": LONGEST_FUNCTION_SECONDS, "fargate": HIGHEST}
"""The highest timeout of each compute."""
JOBS = arn_of(aws.sqs.Queue, f"{NAME}-objects")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            {**args, "timeout_seconds": seconds, "max_attempts": attempts}, id=f"{compute}-{seconds}-{attempts}"
        )
        for compute, args in COMPUTES.items()
        for seconds, attempts in zip((LOWEST, 300, LONGEST[compute]), (1, 5, 3), strict=True)
    ],
)
def args(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


@pytest.fixture(scope="module")
def recording(args: dict[str, Any]) -> Recording:
    return record(lambda: PROCESSING_PIPELINE.make(**args) and None)


def hidden_seconds(recording: Recording) -> dict[str, int]:
    """For how long each queue hides a message, by the queue's ARN."""
    queues = [each for each in recording.all(aws.sqs.Queue) if "visibilityTimeoutSeconds" in each.inputs]
    return {arn_of(aws.sqs.Queue, each.name): int(each.inputs["visibilityTimeoutSeconds"]) for each in queues}


def triggered(recording: Recording) -> list[tuple[str, int]]:
    """Each queue that triggers a function, by its ARN, and the function's timeout."""
    timeouts = {
        arn_of(aws.lambda_.Alias, f"{each.name}-live"): int(each.inputs["timeout"])
        for each in recording.all(aws.lambda_.Function)
    }
    mappings = [each.inputs for each in recording.all(aws.lambda_.EventSourceMapping)]
    return [(each["eventSourceArn"], timeouts[each["functionName"]]) for each in mappings]


def waits(recording: Recording) -> tuple[int, int]:
    """The reconciler's times before its first look at an upload, and before the next one."""
    variables = recording.inputs(aws.lambda_.Function, f"{NAME}-reconcile")["environment"]["variables"]
    return int(variables["GRACE_SECONDS"]), int(variables["AGAIN_AFTER_SECONDS"])


def test_a_message_is_hidden_until_its_function_has_ended(recording: Recording) -> None:
    hidden = hidden_seconds(recording)

    # Until a run has the lease of its upload, which hides the message from then on.
    assert hidden[JOBS] > (LEASE + CLOCK_MARGIN).total_seconds()
    for queue, timeout in triggered(recording):
        assert timeout <= hidden[queue]


def test_the_reconciler_looks_only_after_a_message_and_its_event_were_due(recording: Recording) -> None:
    grace, _ = waits(recording)
    longest_hidden = max(hidden_seconds(recording)[JOBS], LONGEST_DELAY_SECONDS)

    assert grace >= longest_hidden + EVENT_DELAY.total_seconds()
    assert grace > (LEASE + CLOCK_MARGIN).total_seconds()


def test_no_upload_is_looked_at_that_waits_for_a_place(args: dict[str, Any], recording: Recording) -> None:
    """While no more wait than jobs run at once, each begins when one job has ended."""
    grace, again = waits(recording)

    assert grace > args["timeout_seconds"]
    assert again > args["timeout_seconds"]


def test_the_reconciler_looks_again_when_a_message_has_used_up_its_attempts(
    args: dict[str, Any], recording: Recording
) -> None:
    grace, again = waits(recording)
    attempts = args["max_attempts"]
    delays = sum(retry_delay_seconds(attempt, attempts) for attempt in range(1, attempts + 1))

    assert again >= attempts * hidden_seconds(recording)[JOBS]
    assert again >= delays + EVENT_DELAY.total_seconds()
    assert again <= LONGEST_WAIT.total_seconds()
    assert grace + again < MESSAGE_LIFETIME.total_seconds()


def test_one_arrival_that_is_tried_again_is_no_lost_event() -> None:
    assert arrivals.VISIBILITY_SECONDS >= arrivals.FUNCTION_SECONDS
    assert EVENT_DELAY.total_seconds() > arrivals.VISIBILITY_SECONDS


def test_two_renewals_in_a_row_may_fail_before_a_lease_ends() -> None:
    second_retry_ends = RENEW_EVERY_SECONDS + 2 * (RENEWAL_SECONDS + RETRY_SECONDS) + RENEWAL_SECONDS

    assert second_retry_ends < LEASE.total_seconds()


def test_a_run_without_a_lease_has_ended_after_the_longest_timeout_of_a_function() -> None:
    assert LONGEST_RUN.total_seconds() >= LONGEST_FUNCTION_SECONDS, "containers have always written leases"


def test_sqs_hides_a_message_until_its_longest_job_can_be_tried_again() -> None:
    last_renewal = (LEASE + CLOCK_MARGIN).total_seconds() + 1
    after = max(last_renewal, LONGEST_DELAY_SECONDS)

    assert VISIBILITY_SECONDS + LONGEST_JOB_SECONDS + after <= LONGEST_HIDDEN_SECONDS
    assert HIGHEST == LONGEST_JOB_SECONDS


@pytest.mark.parametrize(
    ("lease_seconds", "own_seconds", "expected"),
    [
        (64.2, 290.0, 290),
        (64.2, 30.0, 65),
        (64.2, 41_990.5, 41_991),
        (-3.0, -1.0, 1),
        (64.2, float("inf"), LONGEST_JOB_SECONDS),
    ],
)
def test_a_delivery_that_met_another_run_comes_again_when_that_run_must_have_ended(
    lease_seconds: float, own_seconds: float, expected: int
) -> None:
    assert meeting_delay_seconds(lease_seconds, own_seconds) == expected
