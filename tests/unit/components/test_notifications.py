"""S3's own notifications start jobs by a topic, where a stack chooses them; no two of a bucket overlap."""

from typing import Any

import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from tests.support.components.examples import (
    INGEST_BUCKET,
    NAME,
    PROCESSING_PIPELINE,
    QUEUE_ARN,
    TABLE,
    TOPIC_ARN,
    UPLOAD_API,
)
from tests.support.components.recording import Recording, arn_of, physical, record, refusal
from tests.support.each_case import each_case

BY_TOPIC = {"trigger": "s3-notifications"}
TOPIC = f"{NAME}-created"
CREATED = ["s3:ObjectCreated:*"]
ACCOUNT = TABLE["table_arn"].split(":")[4]


def bucket(**args: Any) -> Recording:
    return record(lambda: {"topic": INGEST_BUCKET.make(**args).topic_arn})


@pytest.fixture(scope="module")
def by_topic() -> Recording:
    return bucket(**BY_TOPIC)


@pytest.fixture(scope="module")
def pipeline() -> Recording:
    def program() -> dict[str, Any]:
        made = PROCESSING_PIPELINE.make(**BY_TOPIC, notification_topic_arn=TOPIC_ARN)
        return {"rule": made.event_rule_arn, "archive": made.event_archive_arn}

    return record(program)


class TestTheBucket:
    def test_announces_uploads_to_its_topic_and_to_eventbridge(self, by_topic: Recording) -> None:
        topic = arn_of(aws.sns.Topic, TOPIC)

        assert by_topic.inputs(aws.s3.BucketNotification) == {
            "bucket": physical(NAME),
            "eventbridge": True,
            "topics": [{"topicArn": topic, "events": CREATED, "filterPrefix": "uploads/"}],
        }
        assert by_topic.outputs["topic"] == topic

    def test_may_alone_publish_to_its_topic_and_only_with_tls(self, by_topic: Recording) -> None:
        topic = arn_of(aws.sns.Topic, TOPIC)

        assert by_topic.json_input(aws.sns.TopicPolicy, None, "policy")["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic,
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": arn_of(aws.s3.Bucket, NAME)},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            },
            {
                "Sid": "RefusePlainHttp",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sns:Publish",
                "Resource": [topic],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ]

    def test_its_topic_is_encrypted_with_a_key_that_s3_may_use(self, by_topic: Recording) -> None:
        root, s3 = by_topic.json_input(aws.kms.Key, None, "policy")["Statement"]

        assert by_topic.inputs(aws.sns.Topic)["kmsMasterKeyId"] == arn_of(aws.kms.Key, f"{TOPIC}-key")
        assert root["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        assert s3 == {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }

    def test_by_default_announces_to_eventbridge_alone(self) -> None:
        recording = bucket()

        assert recording.inputs(aws.s3.BucketNotification) == {"bucket": physical(NAME), "eventbridge": True}
        assert (recording.all(aws.sns.Topic), recording.outputs["topic"]) == ([], "")

    def test_announces_to_queues_and_topics_of_others_too(self) -> None:
        recording = bucket(
            bucket_notifications=[
                {"target": QUEUE_ARN, "prefix": "a/", "suffix": ".csv"},
                {"target": TOPIC_ARN, "prefix": "b/"},
            ]
        )
        inputs = recording.inputs(aws.s3.BucketNotification)

        assert inputs["queues"] == [
            {"queueArn": QUEUE_ARN, "events": CREATED, "filterPrefix": "a/", "filterSuffix": ".csv"}
        ]
        assert inputs["topics"] == [{"topicArn": TOPIC_ARN, "events": CREATED, "filterPrefix": "b/"}]


def checked(**args: Any) -> None:
    UPLOAD_API.shape(**TABLE, **args)


def notification(prefix: str | None = None, suffix: str | None = None) -> dict[str, str]:
    given = {"prefix": prefix, "suffix": suffix}
    return {"target": QUEUE_ARN, **{name: value for name, value in given.items() if value is not None}}


@each_case(
    "pair",
    [
        (notification(), notification()),
        (notification("a"), notification("ab")),
        (notification(suffix=".csv"), notification(suffix="s.csv")),
        (notification("a"), notification(suffix=".csv")),
        (notification("a", ".csv"), notification("a", "v")),
    ],
)
def test_two_notifications_that_one_key_can_match_are_refused(pair: tuple[dict[str, str], ...]) -> None:
    with pytest.raises(ArgumentError, match=r"bucket_notifications\[0\] .* overlaps with bucket_notifications\[1\]"):
        checked(bucket_notifications=list(pair))


@each_case(
    "pair",
    [
        (notification("a/"), notification("b/")),
        (notification("a", ".csv"), notification("a", ".png")),
        (notification("a", ".csv"), notification("b", ".csv")),
    ],
)
def test_two_notifications_that_no_key_can_match_are_taken(pair: tuple[dict[str, str], ...]) -> None:
    checked(bucket_notifications=list(pair))


@each_case("prefix", ["uploads/", "up", "uploads/me/", None])
def test_a_notification_that_overlaps_with_the_trigger_is_refused(prefix: str | None) -> None:
    checked(bucket_notifications=[notification(prefix)])

    with pytest.raises(ArgumentError, match="overlaps with trigger s3-notifications"):
        checked(**BY_TOPIC, bucket_notifications=[notification(prefix)])


@each_case("part", ["uploads/*.csv", "?", "", "x" * 1_025])
def test_what_is_no_literal_part_of_a_key_is_refused_with_the_way_to_wildcards(part: str) -> None:
    for name in ("prefix", "suffix"):
        with pytest.raises(ArgumentError, match=rf"\[0\]\.{name} is .*1,024 printable characters.*EventBridge rule"):
            checked(bucket_notifications=[{"target": QUEUE_ARN, name: part}])


class TestThePipeline:
    def test_subscribes_its_arrivals_as_they_are_and_keeps_what_cannot_be_delivered(self, pipeline: Recording) -> None:
        subscription = pipeline.inputs(aws.sns.TopicSubscription)

        assert subscription.pop("redrivePolicy") == (
            f'{{"deadLetterTargetArn": "{arn_of(aws.sqs.Queue, f"{NAME}-dead-letters")}"}}'
        )
        assert subscription == {
            "topic": TOPIC_ARN,
            "protocol": "sqs",
            "endpoint": arn_of(aws.sqs.Queue, f"{NAME}-arrivals"),
            "rawMessageDelivery": True,
        }

    @pytest.mark.parametrize("queue", ["arrivals", "dead-letters"])
    def test_its_queues_let_in_the_topic_alone_before_it_is_subscribed(self, pipeline: Recording, queue: str) -> None:
        policy = f"{NAME}-{queue}-policy"
        allowed, _refused = pipeline.json_input(aws.sqs.QueuePolicy, policy, "policy")["Statement"]

        assert allowed == {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn_of(aws.sqs.Queue, f"{NAME}-{queue}"),
            "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC_ARN}},
        }
        waits_for = pipeline.only(aws.sns.TopicSubscription).options.depends_on
        assert pipeline.only(aws.sqs.QueuePolicy, policy).urn in waits_for

    def test_has_no_rule(self, pipeline: Recording) -> None:
        assert pipeline.all(aws.cloudwatch.EventRule) == pipeline.all(aws.cloudwatch.EventTarget) == []
        assert pipeline.outputs == {"rule": "", "archive": ""}

    def test_keeps_the_queues_that_it_has_by_a_rule(self, pipeline: Recording) -> None:
        by_rule = record(lambda: PROCESSING_PIPELINE.make() and None)

        assert [each.urn for each in pipeline.all(aws.sqs.Queue)] == [each.urn for each in by_rule.all(aws.sqs.Queue)]

    def test_needs_the_topic(self) -> None:
        assert "notification_topic_arn is missing" in refusal(lambda: PROCESSING_PIPELINE.make(**BY_TOPIC))

    @pytest.mark.parametrize(
        ("argument", "value"), [("malware_scan", True), ("event_targets", [QUEUE_ARN]), ("archive_days", 7)]
    )
    def test_refuses_what_only_eventbridge_has(self, argument: str, value: object) -> None:
        with pytest.raises(ArgumentError, match=f"{argument} is given, but is only for trigger eventbridge"):
            PROCESSING_PIPELINE.make(**BY_TOPIC, notification_topic_arn=TOPIC_ARN, **{argument: value})
