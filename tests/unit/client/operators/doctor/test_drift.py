"""What has changed in AWS since an update, by declared inputs beside answers."""

import json
from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from client.operators.doctor import drift
from client.operators.doctor.account import ACTIONS
from client.operators.doctor.compared import CHECKS
from client.operators.doctor.findings import Finding, Severity
from client.operators.doctor.resources import Stack, read
from tests.support.client.fake_account import Answers, fake_account
from tests.support.client.pulumi_documents import plan, resource, state, step

PATHS = [(check, field) for checks in CHECKS.values() for check in checks for field in check.fields]


def check(kind: str, inputs: Mapping[str, Any], answers: Answers, resource_id: str = "it") -> list[Finding]:
    stack = read(state([resource("it", kind, inputs, id=resource_id)]))
    return [each for each in drift.check(stack, fake_account(answers)) if each.severity is not Severity.OK]


@pytest.fixture(scope="module")
def operations() -> Mapping[tuple[str, str], OperationModel]:
    session = botocore.session.get_session()
    found: dict[tuple[str, str], OperationModel] = {}
    for service in {service for service, _ in ACTIONS}:
        model = session.get_service_model(service)
        found |= {(service, xform_name(each)): model.operation_model(each) for each in model.operation_names}
    return {key: found[key] for key in ACTIONS}


def test_each_operation_exists_and_only_reads(operations: Mapping[tuple[str, str], OperationModel]) -> None:
    assert {each.name.startswith(("Get", "List", "Describe", "Scan")) for each in operations.values()} == {True}


def test_each_field_is_one_that_the_operation_answers_with(
    operations: Mapping[tuple[str, str], OperationModel],
) -> None:
    wrong = [
        f"{check.operation} {field.answer}"
        for check, field in PATHS
        if not _has(operations[check.service, check.operation].output_shape, field.answer.split("."))
        or not _has(operations[check.service, check.operation].output_shape, list(filter(None, check.name.split("."))))
    ]
    assert wrong == []


def _has(shape: Shape | None, path: list[str]) -> bool:
    match shape:
        case _ if not path:
            return shape is not None
        case StructureShape():
            return path[0] in shape.members and _has(shape.members[path[0]], path[1:])
        case ListShape():
            return path[0].isdigit() and _has(shape.member, path[1:])
        case MapShape():
            return _has(shape.value, path[1:])
        case _:
            return False


BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
STATEMENT = {"Sid": "RefusePlainHttp", "Effect": "Deny", "Principal": "*", "Action": ["s3:*"], "Resource": ["a", "b"]}


class TestPolicies:
    @staticmethod
    def of(policy: object) -> Answers:
        return {("s3", "get_bucket_policy"): {"Policy": json.dumps(policy)}}

    def test_are_the_same_in_another_order_or_with_one_item_as_a_list(self) -> None:
        declared = {"Version": "2012-10-17", "Statement": [STATEMENT]}
        real = {"Statement": {**STATEMENT, "Action": "s3:*", "Resource": ["b", "a"]}, "Version": "2012-10-17"}
        assert check(POLICY, {"bucket": "b", "policy": json.dumps(declared)}, self.of(real)) == []

    def test_with_another_statement_are_named_by_their_statements(self) -> None:
        declared = json.dumps({"Statement": [STATEMENT]})
        real = {"Statement": [STATEMENT, {**STATEMENT, "Sid": "LetAllIn", "Effect": "Allow"}]}
        (found,) = check(POLICY, {"bucket": "b", "policy": declared}, self.of(real))
        assert found.severity is Severity.ERROR
        assert "2 statements (LetAllIn, RefusePlainHttp)" in found.value

    def test_that_somebody_has_deleted_are_a_difference(self) -> None:
        answers = {("s3", "get_bucket_policy"): "NoSuchBucketPolicy"}
        (found,) = check(POLICY, {"bucket": "b", "policy": json.dumps({"Statement": [STATEMENT]})}, answers)
        assert found.severity is Severity.ERROR


class TestBuckets:
    def test_that_are_opened_are_found_by_each_of_the_four_blocks(self) -> None:
        inputs = {"bucket": "b", "blockPublicAcls": True, "blockPublicPolicy": True}
        inputs |= {"ignorePublicAcls": True, "restrictPublicBuckets": True}
        answers: Answers = {("s3", "get_public_access_block"): "NoSuchPublicAccessBlockConfiguration"}
        assert [each.what.rpartition(" ")[2] for each in check(BLOCK, inputs, answers)] == [
            "blockPublicAcls",
            "blockPublicPolicy",
            "ignorePublicAcls",
            "restrictPublicBuckets",
        ]

    @pytest.mark.parametrize(("origin", "is_changed"), [("https://app.example", False), ("*", True)])
    def test_cors_is_compared_by_origins_and_methods(self, origin: str, is_changed: bool) -> None:
        inputs = {"bucket": "b", "corsRules": [{"allowedOrigins": ["https://app.example"], "allowedMethods": ["PUT"]}]}
        rule = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT"], "MaxAgeSeconds": 1}
        answers = {("s3", "get_bucket_cors"): {"CORSRules": [rule]}}
        found = check("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", inputs, answers)
        assert bool(found) is is_changed
        assert all('{"origins": "*", "methods": "PUT"}' in each.value for each in found)

    @pytest.mark.parametrize(("days", "is_changed"), [(14, False), (15, True)])
    def test_lifecycle_is_compared_by_what_it_deletes_when(self, days: int, is_changed: bool) -> None:
        rule = {"id": "parts", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 14.0}}
        real: dict[str, Any] = {"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": ""}}
        real["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
        answers = {("s3", "get_bucket_lifecycle_configuration"): {"Rules": [real]}}
        kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
        assert bool(check(kind, {"bucket": "b", "rules": [rule]}, answers)) is is_changed

    def test_that_are_gone_are_one_finding(self) -> None:
        answers: Answers = {("s3", "get_bucket_versioning"): "NoSuchBucket"}
        inputs = {"bucket": "b", "versioningConfiguration": {"status": "Enabled"}}
        (found,) = check("aws:s3/bucketVersioning:BucketVersioning", inputs, answers)
        assert found.severity is Severity.ERROR


def test_queues_are_compared_although_sqs_answers_with_text() -> None:
    redrive = {"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 5}
    inputs = {"redrivePolicy": json.dumps(redrive), "visibilityTimeoutSeconds": 900.0, "sqsManagedSseEnabled": True}
    written = json.dumps({**redrive, "maxReceiveCount": "5"})
    real = {"RedrivePolicy": written, "VisibilityTimeout": "900", "SqsManagedSseEnabled": "true"}
    real |= {"MessageRetentionPeriod": "345600"}
    answers: dict[tuple[str, str], Any] = {("sqs", "get_queue_attributes"): {"Attributes": real}}
    assert check("aws:sqs/queue:Queue", inputs, answers) == []
    del real["RedrivePolicy"]
    real["VisibilityTimeout"] = "30"
    whats = [each.what for each in check("aws:sqs/queue:Queue", inputs, answers)]
    assert whats == ["Queue it visibilityTimeoutSeconds", "Queue it redrivePolicy"]


def test_variables_of_functions_are_compared_and_shown_by_name_alone() -> None:
    inputs = {"environment": {"variables": {"TABLE": "t", "KEY": "hidden"}}, "timeout": 3, "memorySize": 128}
    real = {"Environment": {"Variables": {"TABLE": "other", "EVIL": "shown-never"}}, "Timeout": 3, "MemorySize": 128}
    answers: Answers = {("lambda", "get_function_configuration"): real, ("lambda", "get_function_concurrency"): {}}
    (found,) = check("aws:lambda/function:Function", inputs, answers)
    assert found.value == 'declared ["KEY", "TABLE"], but AWS has ["EVIL", "TABLE"]'


@pytest.mark.parametrize(
    ("declared", "real", "is_changed"),
    [(5, {"ReservedConcurrentExecutions": 5}, False), (None, {}, False), (-1, {}, False), (5, {}, True), (0, {}, True)],
)
def test_reserved_concurrency_is_compared_also_where_there_is_none(
    declared: int | None, real: Any, is_changed: bool
) -> None:
    inputs = {"reservedConcurrentExecutions": declared}
    configuration = {"Timeout": 3, "MemorySize": 128}
    answers: Answers = {
        ("lambda", "get_function_configuration"): configuration,
        ("lambda", "get_function_concurrency"): real,
    }
    assert bool(check("aws:lambda/function:Function", inputs, answers)) is is_changed


@pytest.mark.parametrize(("state_now", "is_changed"), [("Enabled", False), ("Updating", False), ("Disabled", True)])
def test_a_trigger_that_somebody_has_switched_off_is_a_difference(state_now: str, is_changed: bool) -> None:
    answers = {("lambda", "get_event_source_mapping"): {"State": state_now}}
    found = check("aws:lambda/eventSourceMapping:EventSourceMapping", {}, answers)
    assert bool(found) is is_changed


def test_what_a_preview_did_not_know_is_not_compared() -> None:
    unknown = {"policy": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    answers: Answers = {("iam", "get_role_policy"): {"PolicyDocument": {"Statement": []}}}
    found = check("aws:iam/rolePolicy:RolePolicy", unknown, answers, "role:policy")
    assert [each.severity for each in found] == [Severity.NOT_CHECKED]


@pytest.mark.parametrize(
    ("kind", "operation", "answer"),
    [
        ("aws:cloudwatch/logGroup:LogGroup", ("logs", "describe_log_groups"), {"logGroups": []}),
        (
            "aws:cloudwatch/logGroup:LogGroup",
            ("logs", "describe_log_groups"),
            {"logGroups": [{"logGroupName": "it-too", "retentionInDays": 7}]},
        ),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", ("cloudwatch", "describe_alarms"), {"MetricAlarms": []}),
    ],
)
def test_what_a_list_does_not_have_is_gone(kind: str, operation: tuple[str, str], answer: Any) -> None:
    (found,) = check(kind, {"retentionInDays": 7, "threshold": 1}, {operation: answer})
    assert found.severity is Severity.ERROR
    assert found.value.startswith("is gone")


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}


def test_what_the_state_has_encrypted_is_not_compared_and_not_taken_for_nothing() -> None:
    real = {"Environment": {"Variables": {"KEY": "shown-never"}}, "Timeout": 3, "MemorySize": 128}
    answers: Answers = {("lambda", "get_function_configuration"): real, ("lambda", "get_function_concurrency"): {}}
    (found,) = check("aws:lambda/function:Function", {"environment": {"variables": SECRET}}, answers)
    assert (found.severity, found.what) == (Severity.NOT_CHECKED, "1 inputs")


def test_of_a_map_with_a_secret_in_it_the_names_are_compared() -> None:
    real = {"Environment": {"Variables": {"KEY": "shown-never"}}, "Timeout": 3, "MemorySize": 128}
    answers: Answers = {("lambda", "get_function_configuration"): real, ("lambda", "get_function_concurrency"): {}}
    inputs = {"environment": {"variables": {"KEY": SECRET, "GONE": "1"}}}
    (found,) = check("aws:lambda/function:Function", inputs, answers)
    assert found.value == 'declared ["GONE", "KEY"], but AWS has ["KEY"]'


def test_a_list_with_a_secret_in_it_is_not_compared() -> None:
    inputs = {"bucket": "b", "corsRules": [{"allowedOrigins": [SECRET], "allowedMethods": ["PUT"]}]}
    answers = {("s3", "get_bucket_cors"): {"CORSRules": [{"AllowedOrigins": ["https://x"], "AllowedMethods": ["PUT"]}]}}
    (found,) = check("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", inputs, answers)
    assert found.severity is Severity.NOT_CHECKED


def test_resources_of_another_region_are_not_gone_but_named_with_it() -> None:
    provider = resource("there", "pulumi:providers:aws", {"region": "us-east-1"}, id="id")
    queue = resource("q", "aws:sqs/queue:Queue", {}, id="https://q", provider=f"{provider['urn']}::id")
    stack = read(state([provider, queue])).within("eu-central-1")
    found = list(drift.check(stack, fake_account({("sqs", "get_queue_attributes"): "QueueDoesNotExist"})))
    assert [each.severity for each in found] == [Severity.NOT_CHECKED, Severity.OK]
    assert "us-east-1" in found[0].value


def test_what_may_not_be_read_is_told_once_with_its_permission() -> None:
    queues = [resource(f"q{n}", "aws:sqs/queue:Queue", {}, id=f"https://q{n}") for n in range(3)]
    found = list(drift.check(read(state(queues)), fake_account({})))
    assert [each.severity for each in found] == [Severity.NOT_CHECKED, Severity.OK]
    assert found[0].what == "3 resources"
    assert "sqs:GetQueueAttributes" in found[0].value
    assert found[1].value == "0"


PLANNED = read(plan([step("create", None, resource("q", "aws:sqs/queue:Queue", {}))]))


@pytest.mark.parametrize("stack", [Stack(), read({"apiUrl": "https://api", "region": "r"}), PLANNED])
def test_only_a_state_can_be_compared(stack: Stack) -> None:
    (found,) = drift.check(stack, fake_account({}))
    assert found.severity is Severity.NOT_CHECKED
    assert "pulumi stack export" in found.value
