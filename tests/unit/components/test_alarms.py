"""Every alarm is on what one deployment has, and notifies a topic that only its account's alarms can publish to."""

from typing import Any

import pulumi_aws as aws
import pytest

from components.processing_pipeline import ProcessingPipeline
from handlers.domain.delays import LONGEST_DELAY_SECONDS, LONGEST_JOB_SECONDS
from tests.support.components.examples import FARGATE, NAME, PROCESSING_PIPELINE, TOPIC_ARN
from tests.support.components.recording import Recording, arn_of, physical, record

ALARMS = f"{NAME}-alarms"
TOPIC = arn_of(aws.sns.Topic, ALARMS)
ACCOUNT = TOPIC.split(":")[4]


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        pipeline: ProcessingPipeline = PROCESSING_PIPELINE.make(**args)
        return {"topic": pipeline.alarm_topic_arn}

    return record(program)


def queue(name: str) -> dict[str, str]:
    """The dimension of a queue's metrics, which is the end of its ARN."""
    return {"QueueName": arn_of(aws.sqs.Queue, f"{NAME}-{name}").split(":")[-1]}


@pytest.fixture(scope="module")
def by_default() -> Recording:
    return recorded()


def test_each_alarm_is_on_its_metric_and_notifies_the_topic(by_default: Recording) -> None:
    watched = {
        each.name.removeprefix(f"{ALARMS}-"): (
            each.inputs["namespace"],
            each.inputs["metricName"],
            each.inputs["statistic"],
            each.inputs["dimensions"],
        )
        for each in by_default.all(aws.cloudwatch.MetricAlarm)
    }

    messages, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert watched == {
        "dead-letters": ("AWS/SQS", messages, "Maximum", queue("dead-letters")),
        "undelivered-runs": ("AWS/SQS", messages, "Maximum", queue("reconcile-dead-letters")),
        "oldest-message": ("AWS/SQS", age, "Maximum", queue("objects")),
        "stuck-uploads": ("Portage", "stuck_uploads", "Sum", {"function": physical(f"{NAME}-reconcile")}),
    }
    for each in by_default.all(aws.cloudwatch.MetricAlarm):
        assert each.inputs["comparisonOperator"] == "GreaterThanThreshold"
        assert each.inputs["treatMissingData"] == "notBreaching"
        assert each.inputs["alarmActions"] == [TOPIC]
        # An alarm that goes off before the topic takes its notifications would notify nobody.
        assert by_default.only(aws.sns.TopicPolicy).urn in each.options.depends_on


def test_an_alarm_of_a_queue_goes_off_after_five_minutes(by_default: Recording) -> None:
    of_queues = [
        each.inputs for each in by_default.all(aws.cloudwatch.MetricAlarm) if each.inputs["namespace"] == "AWS/SQS"
    ]
    assert [(each["period"], each["evaluationPeriods"]) for each in of_queues] == [(300, 1)] * 3


@pytest.mark.parametrize(
    ("args", "threshold"),
    [
        ({}, 5 + 30 + 180 + LONGEST_DELAY_SECONDS + 5 * 300),
        ({"max_attempts": 1, "timeout_seconds": 10}, 10),
        ({"max_attempts": 1_000}, 24 * 3600),
        ({**FARGATE, "max_attempts": 2, "timeout_seconds": LONGEST_JOB_SECONDS}, 5 + 2 * LONGEST_JOB_SECONDS),
    ],
)
def test_a_message_may_be_as_old_as_all_its_attempts_take(args: dict[str, Any], threshold: int) -> None:
    alarm = recorded(**args).inputs(aws.cloudwatch.MetricAlarm, f"{ALARMS}-oldest-message")

    assert alarm["threshold"] == threshold


def test_stuck_uploads_are_counted_over_the_time_between_two_runs() -> None:
    recording = recorded(reconcile_minutes=30)

    assert recording.inputs(aws.cloudwatch.MetricAlarm, f"{ALARMS}-stuck-uploads")["period"] == 1_800


class TestTheTopic:
    def test_takes_alarms_of_its_account_over_tls(self, by_default: Recording) -> None:
        assert by_default.outputs["topic"] == TOPIC
        assert by_default.inputs(aws.sns.TopicPolicy)["arn"] == TOPIC
        assert by_default.json_input(aws.sns.TopicPolicy, None, "policy")["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            },
            {
                "Sid": "RefusePlainHttp",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sns:Publish",
                "Resource": [TOPIC],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ]

    def test_is_encrypted_with_a_key_that_alarms_of_its_account_can_use(self, by_default: Recording) -> None:
        key = f"{ALARMS}-key"
        partition = TOPIC.split(":")[1]

        assert by_default.inputs(aws.sns.Topic) == {"kmsMasterKeyId": arn_of(aws.kms.Key, key)}
        assert by_default.inputs(aws.kms.Key, key)["enableKeyRotation"] is True
        assert by_default.json_input(aws.kms.Key, key, "policy")["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            },
        ]

    def test_is_not_made_where_one_is_given(self) -> None:
        recording = recorded(alarm_topic_arn=TOPIC_ARN)

        assert recording.all(aws.sns.Topic) == recording.all(aws.kms.Key) == []
        assert recording.outputs["topic"] == TOPIC_ARN
        assert {tuple(each.inputs["alarmActions"]) for each in recording.all(aws.cloudwatch.MetricAlarm)} == {
            (TOPIC_ARN,)
        }
