"""Others get the events of objects as well, and the events can be archived and replayed."""

from typing import Any

import pulumi_aws as aws
import pytest

from components.arguments import ArgumentError
from components.arguments.names import ARCHIVE
from tests.support.components.examples import NAME, PROCESSING_PIPELINE, QUEUE_ARN, TOPIC_ARN
from tests.support.components.recording import ACCOUNT, PARTITION, REGION, Recording, arn_of, physical, record, url_of

TARGETS = f"{NAME}-event-targets"
RULE, DEAD_LETTERS = f"{NAME}-object-events", f"{TARGETS}-dead-letters"
HERE = "eu-central-1:123456789012"
KINDS = {
    QUEUE_ARN: "sqs:SendMessage",
    TOPIC_ARN: "sns:Publish",
    f"arn:aws:lambda:{HERE}:function:f:live": "lambda:InvokeFunction",
    f"arn:aws:events:{HERE}:event-bus/team": "events:PutEvents",
    f"arn:aws:states:{HERE}:stateMachine:m": "states:StartExecution",
    f"arn:aws:firehose:{HERE}:deliverystream/s": "firehose:PutRecord",
}


def recorded(**args: Any) -> Recording:
    def program() -> dict[str, Any]:
        pipeline = PROCESSING_PIPELINE.make(**args)
        return {"rule": pipeline.event_rule_arn, "archive": pipeline.event_archive_arn}

    return record(program)


@pytest.fixture(scope="module")
def with_targets() -> Recording:
    return recorded(event_targets=list(KINDS)[:4])


class TestTargets:
    def test_each_is_one_of_the_rule_that_the_pipeline_has(self, with_targets: Recording) -> None:
        targets = {each.name: each.inputs for each in with_targets.all(aws.cloudwatch.EventTarget)}

        assert len(targets) == 5
        for letter, arn in zip("abcd", KINDS, strict=False):
            assert targets[f"{TARGETS}-{letter}"] == {
                "rule": physical(RULE),
                "arn": arn,
                "roleArn": arn_of(aws.iam.Role, f"{TARGETS}-role"),
                "deadLetterConfig": {"arn": arn_of(aws.sqs.Queue, DEAD_LETTERS)},
            }

    @pytest.mark.parametrize("arns", [list(KINDS)[:4], list(KINDS)[4:]])
    def test_the_role_may_deliver_to_them_and_do_nothing_else(self, arns: list[str]) -> None:
        recording = recorded(event_targets=arns)
        trust = recording.json_input(aws.iam.Role, f"{TARGETS}-role", "assumeRolePolicy")["Statement"]

        assert recording.json_input(aws.iam.RolePolicy, f"{TARGETS}-policy", "policy")["Statement"] == [
            {"Effect": "Allow", "Action": [KINDS[arn]], "Resource": [arn]} for arn in arns
        ]
        assert [each["Principal"] for each in trust] == [{"Service": "events.amazonaws.com"}]

    def test_nothing_is_sent_before_role_and_dead_letters_allow_it(self, with_targets: Recording) -> None:
        allowed = {
            with_targets.only(aws.iam.RolePolicy, f"{TARGETS}-policy").urn,
            with_targets.only(aws.sqs.QueuePolicy, f"{DEAD_LETTERS}-policy").urn,
        }

        assert allowed <= with_targets.only(aws.cloudwatch.EventTarget, f"{TARGETS}-a").options.depends_on

    def test_what_cannot_be_delivered_is_kept_and_rings_an_alarm(self, with_targets: Recording) -> None:
        queue, arn = with_targets.inputs(aws.sqs.Queue, DEAD_LETTERS), arn_of(aws.sqs.Queue, DEAD_LETTERS)
        policy = with_targets.inputs(aws.sqs.QueuePolicy, f"{DEAD_LETTERS}-policy")
        alarm = with_targets.inputs(aws.cloudwatch.MetricAlarm, f"{NAME}-alarms-undelivered-events")

        assert queue == {"messageRetentionSeconds": 1_209_600, "sqsManagedSseEnabled": True}
        assert policy["queueUrl"] == url_of(DEAD_LETTERS)
        assert with_targets.json_input(aws.sqs.QueuePolicy, f"{DEAD_LETTERS}-policy", "policy")["Statement"][0] == {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": arn_of(aws.cloudwatch.EventRule, RULE)}},
        }
        assert alarm["dimensions"] == {"QueueName": arn.split(":")[-1]}

    def test_there_are_none_by_default(self) -> None:
        recording = recorded()

        assert len(recording.all(aws.cloudwatch.EventTarget)) == 1
        assert recording.outputs["rule"] == arn_of(aws.cloudwatch.EventRule, RULE)

    @pytest.mark.parametrize(
        ("targets", "error"),
        [
            ([f"{QUEUE_ARN}-{n}" for n in range(5)], "event_targets has 5 targets, but must have at most 4"),
            ([QUEUE_ARN, QUEUE_ARN], f"event_targets has {QUEUE_ARN} twice"),
            ([f"{QUEUE_ARN}.fifo"], r"event_targets\[0\] is .*fifo"),
            (["arn:aws:s3:::bucket"], r"event_targets\[0\] is "),
        ],
    )
    def test_what_eventbridge_would_not_take_is_refused(self, targets: list[str], error: str) -> None:
        with pytest.raises(ArgumentError, match=error):
            recorded(event_targets=targets)


class TestArchive:
    @pytest.mark.parametrize("malware_scan", [False, True])
    def test_has_exactly_the_events_that_the_rule_matches(self, *, malware_scan: bool) -> None:
        recording = recorded(archive_days=7, malware_scan=malware_scan)
        archive = recording.inputs(aws.cloudwatch.EventArchive, f"{NAME}-events")

        assert archive == {
            "description": "Events of uploads' objects",
            "eventSourceArn": f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:event-bus/default",
            "eventPattern": recording.inputs(aws.cloudwatch.EventRule, RULE)["eventPattern"],
            "retentionDays": 7,
        }
        assert recording.outputs["archive"] == arn_of(aws.cloudwatch.EventArchive, f"{NAME}-events")

    def test_there_is_none_by_default(self) -> None:
        recording = recorded()

        assert (recording.all(aws.cloudwatch.EventArchive), recording.outputs["archive"]) == ([], "")

    def test_a_longest_name_is_one_that_eventbridge_takes(self) -> None:
        recording = recorded(archive_days=7)

        assert len(recording.only(aws.cloudwatch.EventArchive).name) - len(NAME) == len("-events")
        assert ARCHIVE.max_length == 48
