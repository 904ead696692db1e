"""The times of a job agree: a function ends before its message comes again, and the reconciler looks after both."""

import itertools
from typing import Any

import pulumi_aws as aws
import pytest

from components.messaging import arrivals
from handlers.domain.delays import EVENT_DELAY, LONGEST_DELAY_SECONDS, LONGEST_WAIT, retry_delay_seconds
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
TIMEOUTS = (LOWEST, 300, HIGHEST)
JOBS = arn_of(aws.sqs.Queue, f"{NAME}-objects")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            {**args, "timeout_seconds": seconds, "max_attempts": attempts}, id=f"{compute}-{seconds}-{attempts}"
        )
        for (compute, args), (seconds, attempts) in itertools.product(
            COMPUTES.items(), zip(TIMEOUTS, (1, 5, 3), strict=True)
        )
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


def test_a_run_without_a_lease_has_ended_after_the_longest_timeout() -> None:
    assert LONGEST_RUN.total_seconds() >= HIGHEST
