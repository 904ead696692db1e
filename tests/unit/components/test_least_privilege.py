"""Every role may do what it does and nothing else; every resource policy lets in whom it names and nobody else."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pulumi_aws as aws
import pytest

from tests.support.components.examples import (
    BUCKET,
    COMPONENTS,
    EKS_ARGO_DEPLOY,
    FARGATE,
    KMS_KEY_ARN,
    LAMBDA_FUNCTION,
    NAME,
    PROCESSING_PIPELINE,
    TABLE,
    UPLOAD_API,
    Example,
)
from tests.support.components.recording import Recording, arn_of, physical, record, token, url_of

Permissions = set[tuple[str, str]]
Role = tuple[Example, str, Permissions, Permissions]
"""Component, name, permissions, and additional permissions with a customer's key."""

WITHOUT_RESOURCES = {
    # Nor does GuardDuty's (the same reference).
    "guardduty:SendObjectMalwareScan",
    # X-Ray's actions know no resources (Service Authorization Reference).
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    # The account's one role logs for APIs of other programs too (API Gateway guide, "Permissions for CloudWatch").
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:GetLogEvents",
    "logs:FilterLogEvents",
}

DECRYPT = {("kms:Decrypt", KMS_KEY_ARN)}
USE_THE_KEY = {("kms:Decrypt", KMS_KEY_ARN), ("kms:GenerateDataKey", KMS_KEY_ARN)}


def _own_log_and_trace(function: str) -> Permissions:
    streams = f"{arn_of(aws.cloudwatch.LogGroup, f'{function}-log')}:*"
    return {
        ("logs:CreateLogStream", streams),
        ("logs:PutLogEvents", streams),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def _pipelines_queue() -> str:
    return arn_of(aws.sqs.Queue, f"{NAME}-objects")


def _functions_of_operations(bucket_arn: str, secret_arn: str) -> dict[str, Role]:
    table, objects = TABLE["table_arn"], f"{bucket_arn}/uploads/*"
    sign_sessions = ("secretsmanager:GetSecretValue", secret_arn)
    put, see, give_up = (
        (f"s3:{action}", objects) for action in ("PutObject", "ListMultipartUploadParts", "AbortMultipartUpload")
    )
    allowed: dict[str, tuple[Permissions, Permissions]] = {
        "create-upload": (
            {
                *((f"dynamodb:{action}", table) for action in ("PutItem", "GetItem", "UpdateItem", "Query")),
                put,
                give_up,
                sign_sessions,
            },
            USE_THE_KEY,
        ),
        "sign-parts": ({put, sign_sessions}, USE_THE_KEY),
        "list-parts": ({("dynamodb:GetItem", table), see, sign_sessions}, DECRYPT),
        "complete-upload": (
            {
                ("dynamodb:GetItem", table),
                ("dynamodb:UpdateItem", table),
                see,
                put,
                ("s3:ListBucket", f"{bucket_arn} under uploads/*"),
            },
            USE_THE_KEY,
        ),
        "list-uploads": ({("dynamodb:Query", table)}, DECRYPT),
        # The owner of the results allows more, see TestResultsAreReadByWhomTheyAreMeantForAlone.
        "get-result": ({("dynamodb:GetItem", table)}, DECRYPT),
        "abort-upload": ({("dynamodb:GetItem", table), ("dynamodb:UpdateItem", table), give_up}, USE_THE_KEY),
    }
    return {
        purpose: (
            UPLOAD_API,
            f"{NAME}-{purpose}-role",
            permissions | _own_log_and_trace(f"{NAME}-{purpose}"),
            with_key,
        )
        for purpose, (permissions, with_key) in allowed.items()
    }


def _rotation_of(secret: str) -> Permissions:
    actions = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")
    return {
        *((f"secretsmanager:{action}", arn_of(aws.secretsmanager.Secret, secret)) for action in actions),
        *_own_log_and_trace(f"{secret}-rotate"),
    }


def _reconciler_of(name: str, queue_arn: str, *, requests_scans: bool = False) -> Permissions:
    dead_letters = arn_of(aws.sqs.Queue, f"{name}-dead-letters")
    return {
        ("dynamodb:Query", f"{TABLE['table_arn']}/index/open-uploads"),
        ("dynamodb:GetItem", TABLE["table_arn"]),
        ("dynamodb:UpdateItem", TABLE["table_arn"]),
        ("s3:ListBucketVersions", f"{BUCKET['bucket_arn']} under uploads/*"),
        ("s3:AbortMultipartUpload", f"{BUCKET['bucket_arn']}/uploads/*"),
        ("sqs:GetQueueAttributes", queue_arn),
        ("guardduty:SendObjectMalwareScan", "*") if requests_scans else ("sqs:SendMessage", queue_arn),
        ("sqs:SendMessage", dead_letters),
        *_own_log_and_trace(name),
    }


def _schedule_of(name: str) -> Permissions:
    return {
        ("lambda:InvokeFunction", arn_of(aws.lambda_.Alias, f"{name}-live")),
        ("sqs:SendMessage", arn_of(aws.sqs.Queue, f"{name}-dead-letters")),
    }


READ_RESULTS: Permissions = {("s3:GetObject", f"{arn_of(aws.s3.Bucket, f'{NAME}-results')}/results/*")}
READ_STATUS: Permissions = {("dynamodb:GetItem", TABLE["table_arn"])}
PUSH_LOGS: Permissions = {(action, "*") for action in WITHOUT_RESOURCES if action.startswith("logs:")}
PROCESS_OBJECT: Permissions = {
    *((f"sqs:{verb}", _pipelines_queue()) for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
    ("sqs:ChangeMessageVisibility", _pipelines_queue()),
    ("s3:GetObjectVersion", f"{BUCKET['bucket_arn']}/uploads/*"),
    ("s3:PutObject", f"{arn_of(aws.s3.Bucket, f'{NAME}-results')}/results/*"),
    ("s3:DeleteObjectVersion", f"{BUCKET['bucket_arn']}/uploads/*"),
    ("dynamodb:UpdateItem", TABLE["table_arn"]),
    ("dynamodb:GetItem", TABLE["table_arn"]),
    *_own_log_and_trace(f"{NAME}-process-object"),
}
PUT_INTO_QUARANTINE: Permissions = {
    ("s3:ListBucketVersions", f"{BUCKET['bucket_arn']} under uploads/*"),
    *(
        (f"s3:{verb}", f"{arn_of(aws.s3.Bucket, f'{NAME}-quarantine')}/uploads/*")
        for verb in ("PutObject", "AbortMultipartUpload")
    ),
}
_PARTITION = arn_of(aws.iam.Role, f"{NAME}-role").split(":")[1]
_SCAN_RULES = f"arn:{_PARTITION}:events:*:123456789012:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"
_TEST_OBJECT = f"{BUCKET['bucket_arn']}/malware-protection-resource-validation-object"
SCAN_OBJECTS: Permissions = {
    *(
        (f"events:{verb}", f"{_SCAN_RULES} managed by malware-protection-plan.guardduty.amazonaws.com")
        for verb in ("PutRule", "DeleteRule", "PutTargets", "RemoveTargets")
    ),
    ("events:DescribeRule", _SCAN_RULES),
    ("events:ListTargetsByRule", _SCAN_RULES),
    *((f"s3:{verb}", BUCKET["bucket_arn"]) for verb in ("GetBucketNotification", "PutBucketNotification")),
    ("s3:ListBucket", BUCKET["bucket_arn"]),
    ("s3:PutObject", _TEST_OBJECT),
    *(
        (f"s3:{verb}", resource)
        for verb in ("GetObject", "GetObjectVersion")
        for resource in (f"{BUCKET['bucket_arn']}/uploads/*", _TEST_OBJECT)
    ),
}
UPLOADS_KEY = f"{NAME}-session-key"

ROLES: dict[str, Role] = {
    **_functions_of_operations(arn_of(aws.s3.Bucket, f"{NAME}-ingest"), arn_of(aws.secretsmanager.Secret, UPLOADS_KEY)),
    "read_status": (UPLOAD_API, f"{NAME}-read-status-role", READ_STATUS, DECRYPT),
    "account_log": (UPLOAD_API, f"{NAME}-rest-account-log-role", PUSH_LOGS, set()),
    "process_object": (
        PROCESSING_PIPELINE,
        f"{NAME}-process-object-role",
        PROCESS_OBJECT | PUT_INTO_QUARANTINE,
        USE_THE_KEY,
    ),
    "group_arrivals": (
        PROCESSING_PIPELINE,
        f"{NAME}-arrivals-role",
        {
            *(
                (f"sqs:{verb}", arn_of(aws.sqs.Queue, f"{NAME}-arrivals"))
                for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
            ),
            ("sqs:SendMessage", _pipelines_queue()),
            *_own_log_and_trace(f"{NAME}-arrivals"),
        },
        set(),
    ),
    "reconcile_uploads": (
        PROCESSING_PIPELINE,
        f"{NAME}-reconcile-role",
        _reconciler_of(f"{NAME}-reconcile", _pipelines_queue(), requests_scans=True),
        USE_THE_KEY,
    ),
    "reconcile_schedule": (
        PROCESSING_PIPELINE,
        f"{NAME}-reconcile-run-role",
        _schedule_of(f"{NAME}-reconcile"),
        set(),
    ),
    "scan_objects": (
        PROCESSING_PIPELINE,
        f"{NAME}-scan-role",
        SCAN_OBJECTS,
        {(action, f"{key} through s3.*") for action, key in USE_THE_KEY},
    ),
    "rotate_session_key": (UPLOAD_API, f"{UPLOADS_KEY}-rotate-role", _rotation_of(UPLOADS_KEY), USE_THE_KEY),
}
TAKEN_BY = {
    **dict.fromkeys(("read_status", "account_log"), "apigateway.amazonaws.com"),
    "reconcile_schedule": "scheduler.amazonaws.com",
    "scan_objects": "malware-protection-plan.guardduty.amazonaws.com",
}
"""All others are functions'."""


@cache
def recorded(example: Example, *, with_key: bool = False) -> Recording:
    scanning = {"malware_scan": True} if example is PROCESSING_PIPELINE else {}
    key = {"kms_key_arn": KMS_KEY_ARN} if with_key else {}
    return record(lambda: example.make(**scanning, **key) and None)


def statements(recording: Recording, role: str) -> Iterable[dict[str, Any]]:
    for policy in recording.all(aws.iam.RolePolicy):
        if policy.inputs["role"] == physical(role):
            document = json.loads(policy.inputs["policy"])
            assert document.keys() == {"Version", "Statement"}
            yield from document["Statement"]


def permissions(recording: Recording, role: str) -> Permissions:
    return permissions_in(statements(recording, role))


def permissions_in(allowed: Iterable[dict[str, Any]]) -> Permissions:
    """What is allowed under a condition alone says so after the resource."""
    return {
        (action, resource + condition_of(statement))
        for statement in allowed
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


CONDITIONS = {"s3:prefix": "under", "events:ManagedBy": "managed by", "kms:ViaService": "through"}


def condition_of(statement: dict[str, Any]) -> str:
    if "Condition" not in statement:
        return ""
    ((key, value),) = statement["Condition"]["StringLike"].items()
    assert statement["Condition"] == {"StringLike": {key: value}}
    return f" {CONDITIONS[key]} {value}"


@pytest.mark.parametrize("role", ROLES)
class TestARoleMayDoWhatItDoesAndNothingElse:
    def test_a_customers_key_adds_its_use_alone(self, role: str) -> None:
        example, name, expected, with_key = ROLES[role]

        assert permissions(recorded(example), name) == expected
        assert permissions(recorded(example, with_key=True), name) == expected | with_key

    def test_one_service_takes_it_and_it_has_no_managed_policy(self, role: str) -> None:
        example, name, *_ = ROLES[role]
        service = TAKEN_BY.get(role, "lambda.amazonaws.com")
        inputs = recorded(example).inputs(aws.iam.Role, name)

        assert inputs.keys() == {"assumeRolePolicy"}
        assert json.loads(inputs["assumeRolePolicy"]) == {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }


@pytest.mark.parametrize("with_key", [False, True])
# EKS requires policies of AWS's own, which test_eks_argo_deploy.py lists.
@pytest.mark.parametrize("example", [each for each in COMPONENTS if each is not EKS_ARGO_DEPLOY])
class TestNoStatementIsWiderThanItReads:
    def test_every_role_is_known_here(self, example: Example, *, with_key: bool) -> None:
        known = {name for owner, name, *_ in ROLES.values() if owner is example}

        assert {role.name for role in recorded(example, with_key=with_key).all(aws.iam.Role)} == known

    def test_iam_is_written_in_roles_and_their_own_policies_alone(self, example: Example, *, with_key: bool) -> None:
        recording = recorded(example, with_key=with_key)
        kinds = {each.type for each in recording.registrations if each.type.startswith("aws:iam/")}

        assert kinds <= {token(aws.iam.Role), token(aws.iam.RolePolicy)}
        assert {each.inputs["role"] for each in recording.all(aws.iam.RolePolicy)} == {
            physical(role.name) for role in recording.all(aws.iam.Role)
        }

    def test_statements_allow_actions_on_resources_and_know_no_other_words_but_a_condition(
        self, example: Example, *, with_key: bool
    ) -> None:
        recording = recorded(example, with_key=with_key)

        for role in recording.all(aws.iam.Role):
            for statement in statements(recording, role.name):
                assert statement.keys() - {"Condition"} == {"Effect", "Action", "Resource"}
                assert "Condition" not in statement or condition_of(statement)
                assert statement["Effect"] == "Allow"
                assert statement["Action"]
                assert statement["Resource"]

    def test_no_action_is_a_wildcard_and_few_are_allowed_on_everything(
        self, example: Example, *, with_key: bool
    ) -> None:
        recording = recorded(example, with_key=with_key)

        for role in recording.all(aws.iam.Role):
            for action, resource in permissions(recording, role.name):
                assert "*" not in action
                assert resource.startswith("arn:") or (resource == "*" and action in WITHOUT_RESOURCES)


def test_without_required_scans_the_reconciler_sends_messages_and_requests_no_scan() -> None:
    recording = record(lambda: PROCESSING_PIPELINE.make() and None)
    expected = _reconciler_of(f"{NAME}-reconcile", _pipelines_queue())

    assert permissions(recording, f"{NAME}-reconcile-role") == expected


def test_without_a_quarantine_nothing_can_be_put_there_and_no_versions_be_listed() -> None:
    recording = record(lambda: PROCESSING_PIPELINE.make(rejected_objects="delete") and None)

    assert permissions(recording, f"{NAME}-process-object-role") == PROCESS_OBJECT


@pytest.mark.variant
@pytest.mark.parametrize("compute", [{}, {"compute": "step-functions"}, FARGATE])
def test_with_a_key_every_role_that_may_use_the_table_may_decrypt(compute: dict[str, Any]) -> None:
    recording = record(lambda: PROCESSING_PIPELINE.make(**compute, kms_key_arn=KMS_KEY_ARN) and None)
    allowed = {role.name: permissions(recording, role.name) for role in recording.all(aws.iam.Role)}
    of_the_table = {name for name, may in allowed.items() if any(action.startswith("dynamodb:") for action, _ in may)}

    assert of_the_table
    assert {name for name in of_the_table if not allowed[name] >= DECRYPT} == set()


class TestResultsAreReadByWhomTheyAreMeantForAlone:
    POLICY = f"{NAME}-results-are-read-by-api"

    @pytest.mark.parametrize("key", [None, KMS_KEY_ARN])
    def test_the_role_that_is_named_may_read_results_and_nothing_else(self, key: str | None) -> None:
        args = {"kms_key_arn": key} if key else {}
        recording = record(lambda: PROCESSING_PIPELINE.make(result_reader_role_name="the-reader", **args) and None)
        document = recording.json_input(aws.iam.RolePolicy, self.POLICY, "policy")

        assert recording.inputs(aws.iam.RolePolicy, self.POLICY)["role"] == "the-reader"
        assert {statement["Effect"] for statement in document["Statement"]} == {"Allow"}
        assert permissions_in(document["Statement"]) == READ_RESULTS | (DECRYPT if key else set())

    def test_nobody_is_where_no_role_is_named(self) -> None:
        policies = recorded(PROCESSING_PIPELINE).all(aws.iam.RolePolicy)

        assert self.POLICY not in {each.name for each in policies}


class TestAQueueLetsInTheRuleAloneAndNobodyWithoutTls:
    @staticmethod
    def plain_http(arn: str) -> dict[str, Any]:
        return {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": [arn],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }

    def test_the_queue_of_jobs_lets_in_roles_of_its_account_alone(self) -> None:
        policy = recorded(PROCESSING_PIPELINE).json_input(aws.sqs.QueuePolicy, f"{NAME}-objects-policy", "policy")

        assert policy["Statement"] == [self.plain_http(_pipelines_queue())]

    @pytest.mark.parametrize("queue", ["arrivals", "dead-letters"])
    def test_its_policy_says_no_more(self, queue: str) -> None:
        recording, arn = recorded(PROCESSING_PIPELINE), arn_of(aws.sqs.Queue, f"{NAME}-{queue}")
        policy = f"{NAME}-{queue}-policy"

        assert recording.inputs(aws.sqs.QueuePolicy, policy)["queueUrl"] == url_of(f"{NAME}-{queue}")
        assert recording.json_input(aws.sqs.QueuePolicy, policy, "policy") == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": arn_of(aws.cloudwatch.EventRule, f"{NAME}-object-events")}
                    },
                },
                self.plain_http(arn),
            ],
        }


def test_two_functions_do_not_share_a_role() -> None:
    def program() -> None:
        LAMBDA_FUNCTION.make("one")
        LAMBDA_FUNCTION.create("two", {**LAMBDA_FUNCTION.required, "statements": []})

    recording = record(program)

    assert permissions(recording, "one-role") == {
        ("s3:GetObject", "arn:aws:s3:::the-bucket/*"),
        *_own_log_and_trace("one"),
    }
    assert permissions(recording, "two-role") == _own_log_and_trace("two")
    for name in ("one", "two"):
        assert recording.inputs(aws.lambda_.Function, name)["role"] == arn_of(aws.iam.Role, f"{name}-role")
