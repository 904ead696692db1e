"""The reconciler runs on its schedule, with waits that follow from the queue; a run that fails is not lost silently."""

from typing import Any

import pulumi_aws as aws
import pytest

from handlers.domain.upload import MESSAGE_LIFETIME
from tests.support.components.examples import NAME, PROCESSING_PIPELINE
from tests.support.components.recording import Recording, arn_of, physical, record, url_of

RECONCILE = f"{NAME}-reconcile"
ALIAS = arn_of(aws.lambda_.Alias, f"{RECONCILE}-live")
DEAD_LETTERS = arn_of(aws.sqs.Queue, f"{RECONCILE}-dead-letters")


def recorded(**args: Any) -> Recording:
    return record(lambda: PROCESSING_PIPELINE.make(**args) and None)


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


def variables(recording: Recording) -> dict[str, str]:
    return recording.inputs(aws.lambda_.Function, RECONCILE)["environment"]["variables"]


def test_the_schedule_invokes_the_live_alias_and_keeps_what_it_cannot_invoke(by_default: Recording) -> None:
    assert by_default.inputs(aws.scheduler.Schedule) == {
        "description": "Ends uploads that are open for long",
        "scheduleExpression": "rate(15 minutes)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": ALIAS,
            "roleArn": arn_of(aws.iam.Role, f"{RECONCILE}-run-role"),
            "retryPolicy": {"maximumEventAgeInSeconds": 900, "maximumRetryAttempts": 10},
            "deadLetterConfig": {"arn": DEAD_LETTERS},
        },
    }


def test_the_schedule_is_made_when_its_role_may_invoke(by_default: Recording) -> None:
    policy = by_default.only(aws.iam.RolePolicy, f"{RECONCILE}-run-policy")

    assert policy.urn in by_default.only(aws.scheduler.Schedule).options.depends_on


@pytest.mark.parametrize(("minutes", "age"), [(5, 300), (1_440, 21_600)])
def test_a_run_that_fails_or_is_late_is_left_to_the_next_one(minutes: int, age: int) -> None:
    recording = recorded(reconcile_minutes=minutes)

    assert recording.inputs(aws.scheduler.Schedule)["scheduleExpression"] == f"rate({minutes} minutes)"
    assert recording.inputs(aws.lambda_.FunctionEventInvokeConfig) == {
        "functionName": physical(RECONCILE),
        "qualifier": "live",
        "maximumRetryAttempts": 0,
        "maximumEventAgeInSeconds": age,
        "destinationConfig": {"onFailure": {"destination": DEAD_LETTERS}},
    }


def test_a_run_ends_before_the_next_one_begins_at_the_highest_rate(by_default: Recording) -> None:
    lowest, _ = PROCESSING_PIPELINE.ranges["reconcile_minutes"]

    assert by_default.inputs(aws.lambda_.Function, RECONCILE)["timeout"] <= lowest * 60


def test_the_dead_letters_are_encrypted_and_kept_as_long_as_sqs_can(by_default: Recording) -> None:
    inputs = by_default.inputs(aws.sqs.Queue, f"{RECONCILE}-dead-letters")

    assert inputs["sqsManagedSseEnabled"] is True
    assert inputs["messageRetentionSeconds"] == MESSAGE_LIFETIME.total_seconds()
    statements = by_default.json_input(aws.sqs.QueuePolicy, f"{RECONCILE}-dead-letters-policy", "policy")["Statement"]
    assert [each["Sid"] for each in statements] == ["RefusePlainHttp"]


def test_the_function_knows_the_queue_the_bucket_and_its_waits(by_default: Recording) -> None:
    assert variables(by_default) == {
        "UPLOADS_TABLE": "the-table",
        "INGEST_BUCKET": "the-bucket",
        "QUEUE_URL": url_of(f"{NAME}-objects"),
        "MALWARE_SCAN": "off",
        "CONCURRENCY_LIMIT": "50",
        "GRACE_SECONDS": str(900 + 300),
        "AGAIN_AFTER_SECONDS": str(5 * 900 + 300),
    }


def test_the_waits_follow_from_the_attempts_and_scans_from_the_gate() -> None:
    found = variables(recorded(max_attempts=2, malware_scan=True, max_concurrency=3))

    assert (found["AGAIN_AFTER_SECONDS"], found["MALWARE_SCAN"], found["CONCURRENCY_LIMIT"]) == (
        "2100",
        "required",
        "3",
    )
