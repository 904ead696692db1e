"""What is surprising in a stack's settings, and what waits for an operator."""

from datetime import UTC, datetime
from typing import Any

import pytest

from client.operators.doctor import settings
from client.operators.doctor.findings import Finding, Severity
from client.operators.doctor.resources import Stack, read
from tests.support.client.fake_account import Answers, fake_account
from tests.support.client.pulumi_documents import golden_plan, resource, state

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def stack_of(kind: str, inputs: dict[str, Any], name: str = "prod") -> Stack:
    urn = f"urn:pulumi:{name}::portage::{kind}::it"
    return read(state([resource(urn, kind, inputs)], stack=name))


def warnings(stack: Stack) -> list[str]:
    return [each.value for each in settings.check(stack) if each.severity is Severity.WARNING]


def test_the_production_stack_has_only_the_surprise_that_its_files_are_not_scanned() -> None:
    stack = read(golden_plan("prod"))
    (only,) = warnings(stack)
    assert "malware" in only


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("aws:dynamodb/table:Table", {"deletionProtectionEnabled": True}),
        ("aws:dynamodb/table:Table", {"pointInTimeRecovery": {"enabled": True}}),
        ("aws:s3/bucket:Bucket", {"forceDestroy": True}),
        ("aws:cognito/userPool:UserPool", {"adminCreateUserConfig": {"allowAdminCreateUserOnly": False}}),
        ("aws:lambda/function:Function", {"loggingConfig": {"applicationLogLevel": "DEBUG"}}),
    ],
)
def test_what_is_usual_elsewhere_surprises_in_production(kind: str, inputs: dict[str, Any]) -> None:
    assert len(warnings(stack_of(kind, inputs))) == 1
    assert warnings(stack_of(kind, inputs, name="dev")) == []


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("aws:cloudwatch/logGroup:LogGroup", {}),
        ("aws:lambda/eventSourceMapping:EventSourceMapping", {"enabled": False}),
        ("aws:sqs/queue:Queue", {"redrivePolicy": '{"maxReceiveCount": 4}'}),
        ("aws:sqs/queue:Queue", {"redrivePolicy": {"maxReceiveCount": "4"}}),
        (
            "aws:lambda/function:Function",
            {"environment": {"variables": {"MALWARE_SCAN": "off", "ALLOWED_CONTENT_TYPES": ""}}},
        ),
    ],
)
def test_what_surprises_anywhere(kind: str, inputs: dict[str, Any]) -> None:
    assert len(warnings(stack_of(kind, inputs, name="dev"))) == 1


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 1}),
        ("aws:lambda/eventSourceMapping:EventSourceMapping", {}),
        ("aws:sqs/queue:Queue", {"redrivePolicy": {"maxReceiveCount": 5}}),
        ("aws:sqs/queue:Queue", {}),
        (
            "aws:lambda/function:Function",
            {"environment": {"variables": {"MALWARE_SCAN": "on", "ALLOWED_CONTENT_TYPES": ""}}},
        ),
        (
            "aws:lambda/function:Function",
            {"environment": {"variables": {"MALWARE_SCAN": "off", "ALLOWED_CONTENT_TYPES": "image/png"}}},
        ),
    ],
)
def test_what_does_not(kind: str, inputs: dict[str, Any]) -> None:
    stack = stack_of(kind, inputs, name="dev")
    assert warnings(stack) == []
    assert [each.severity for each in settings.check(stack)] == [Severity.OK]


@pytest.mark.parametrize(
    ("origin", "name", "surprises"),
    [
        ("*", "dev", True),
        ("https://*.example.com", "dev", True),
        ("http://app.example.com", "dev", True),
        ("http://localhost:8000", "dev", False),
        ("http://localhost.example.com", "dev", True),
        ("http://localhost:8000", "prod", True),
        ("https://app.example.com", "prod", False),
    ],
)
def test_origins_are_https_and_named(origin: str, name: str, surprises: bool) -> None:
    kind = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
    assert bool(warnings(stack_of(kind, {"corsRules": [{"allowedOrigins": [origin]}]}, name))) is surprises


def test_without_resources_nothing_is_checked() -> None:
    assert [each.severity for each in settings.check(Stack())] == [Severity.NOT_CHECKED]


OUTPUTS = {"deadLetterQueueUrl": "https://dead", "alarmTopicArn": "arn:topic", "uploadsTable": "uploads"}


def now(answers: Answers, outputs: dict[str, str] | None = None) -> dict[str, Finding]:
    alarm = resource("a", "aws:cloudwatch/metricAlarm:MetricAlarm", {}, id="alarm-1")
    stack = read(state([alarm], OUTPUTS if outputs is None else outputs))
    return {each.what: each for each in settings.check_now(stack, fake_account(answers), NOW)}


def answers(letters: int, alarm: str, subscription: str, stuck: int) -> dict[tuple[str, str], Any]:
    return {
        ("sqs", "get_queue_attributes"): {"Attributes": {"ApproximateNumberOfMessages": str(letters)}},
        ("cloudwatch", "describe_alarms"): {"MetricAlarms": [{"AlarmName": "alarm-1", "StateValue": alarm}]},
        ("sns", "list_subscriptions_by_topic"): {"Subscriptions": [{"SubscriptionArn": subscription}]},
        ("dynamodb", "scan"): {"Count": stuck},
    }


def test_a_stack_at_rest_has_nothing_for_an_operator() -> None:
    findings = now(answers(0, "OK", "arn:aws:sns:r:1:topic:id", 0))
    assert {each.severity for each in findings.values()} == {Severity.OK}
    assert len(findings) == 4


def test_what_waits_for_an_operator_is_a_warning_with_the_next_step() -> None:
    findings = now(answers(2, "ALARM", "PendingConfirmation", 3))
    assert {each.severity for each in findings.values()} == {Severity.WARNING}
    assert all(each.fix for each in findings.values())
    assert findings["dead letters"].value == "2"
    assert findings["confirmed subscriptions to alarms"].value == "0"
    assert findings["uploads that have not changed for 1 h"].value == "3"


def test_many_alarms_are_read_in_as_many_requests_as_their_answers_need() -> None:
    asked: list[int] = []

    def describe(request: dict[str, Any], _: str) -> Any:
        asked.append(len(request["AlarmNames"]))
        ringing = [name for name in request["AlarmNames"] if name == "alarm-119"]
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "ALARM"} for name in ringing]}

    kind = "aws:cloudwatch/metricAlarm:MetricAlarm"
    stack = read(state([resource(f"a{n}", kind, {}, id=f"alarm-{n}") for n in range(120)]))
    account = fake_account({("cloudwatch", "describe_alarms"): describe})
    assert [each.what for each in settings.check_now(stack, account, NOW)] == ["alarm alarm-119"]
    assert sum(asked) == 120
    assert max(asked) <= 50, "the most that an answer has"


def test_open_uploads_are_read_page_by_page_and_before_the_hour() -> None:
    asked: list[dict[str, Any]] = []

    def scan(request: dict[str, Any], _: str) -> Any:
        asked.append(request)
        return {"Count": 1} | ({"LastEvaluatedKey": {"n": len(asked)}} if len(asked) < 3 else {})

    findings = now({("dynamodb", "scan"): scan})
    assert findings["uploads that have not changed for 1 h"].value == "3"
    assert [each.get("ExclusiveStartKey") for each in asked] == [None, {"n": 1}, {"n": 2}]
    assert asked[0]["ExpressionAttributeValues"][":before"] == {"S": "2026-11-26T11:00:00"}


def test_what_may_not_be_read_is_not_checked() -> None:
    findings = now({})
    assert {each.severity for each in findings.values()} == {Severity.NOT_CHECKED}
    assert len(findings) == 4


def test_what_a_stack_does_not_have_is_left_out() -> None:
    assert set(now({}, outputs={})) == {"alarms"}
