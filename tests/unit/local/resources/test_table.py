"""The table says of each type what AWS's models leave out, and says nothing that they do not know."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pulumi
import pytest
from botocore.model import ListShape, StructureShape

from local.resources import INVOKES, TABLE, Account, Made
from local.resources.archives import zipped
from local.resources.parameters import Given, InvalidInputError, parameters
from tests.support.each_case import each_case

BUCKET = "aws:s3/bucket:Bucket"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
QUEUE = "aws:sqs/queue:Queue"
REST_API = "aws:apigateway/restApi:RestApi"
STAGE = "aws:apigateway/stage:Stage"
SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TLS = "SecurityPolicy_TLS13_1_2_2021_06"
ACCOUNT = Account("eu-north-1", "123456789012", "http://127.0.0.1:1", lambda _: None)


@cache
def service(name: str) -> Any:
    return botocore.session.Session().get_service_model(name)


def parameters_of(kind: str, inputs: Mapping[str, Any], operation: str = "") -> dict[str, Any]:
    row = TABLE[kind]
    step = next(each for each in (row.create, *row.then) if operation in ("", each.operation))
    given = Given(dict(inputs), f"{kind} thing")
    also = step.also(Made(given.subject, ACCOUNT, given, inputs))
    return parameters(service(row.service).operation_model(step.operation), given, step.moves, also)


def test_every_move_goes_to_a_member_that_exists() -> None:
    moves = [
        (kind, call.operation, row.service, target)
        for kind, row in TABLE.items()
        for call in (row.create, *row.then, *row.update, *([row.delete] if row.delete else []))
        for source, target in call.moves.items()
        if isinstance(target, str) and "." not in source
    ]

    assert len(moves) > 60
    for kind, operation, service_name, target in moves:
        shape = service(service_name).operation_model(operation).input_shape
        for member in target.split("."):
            if isinstance(shape, StructureShape):
                assert member.removesuffix("[]") in shape.members, f"{kind}: {target}"
                shape = shape.members[member.removesuffix("[]")]
                shape = shape.member if isinstance(shape, ListShape) and member.endswith("[]") else shape


@each_case(
    ("kind", "inputs", "operation", "message"),
    [
        (BUCKET, {"bucket": "Upper"}, "", "bucket is 'Upper'; it must be 3 to 63 lower-case"),
        (BUCKET, {"bucket": "192.168.0.1"}, "", "bucket is '192.168.0.1'; it must be 3 to 63 lower-case"),
        (BUCKET, {"bucket": "b..d"}, "", "must be 3 to 63 lower-case"),
        (QUEUE, {"name": "q", "visibilityTimeoutSeconds": 43_201}, "", "visibilityTimeoutSeconds is 43201; .* 43200"),
        (QUEUE, {"name": "q", "delaySeconds": 0.5}, "", "delaySeconds is 0.5; it must be a whole number"),
        (QUEUE, {"name": "q!"}, "", "name is 'q!'; it must be up to 80 letters"),
        (QUEUE, {"name": "q", "redrivePolicy": "{"}, "", r"redrivePolicy is '\{'; it must be a JSON document"),
        (
            LOG_GROUP,
            {"name": "l", "retentionInDays": 8},
            "PutRetentionPolicy",
            "retentionInDays is 8; .* 1, 3, 5, 7, 14",
        ),
        (
            STAGE,
            {"restApi": "a", "stageName": "s", "accessLogSettings": {"format": "$context.status"}},
            "UpdateStage",
            "accessLogSettings.format is .* must contain .context.requestId",
        ),
        *(
            (REST_API, {"name": "a", "endpointConfiguration": {"types": "REGIONAL"}, **inputs}, "", message)
            for inputs, message in (
                ({"securityPolicy": TLS}, f"securityPolicy is '{TLS}'; it must come with endpointAccessMode"),
                ({"endpointAccessMode": "STRICT"}, "endpointAccessMode is 'STRICT'; it must come with"),
                (
                    {"securityPolicy": "TLS_1_2", "endpointAccessMode": "STRICT"},
                    "securityPolicy is 'TLS_1_2'; it must come with",
                ),
                (
                    {"securityPolicy": "SecurityPolicy_TLS13_2025_EDGE", "endpointAccessMode": "STRICT"},
                    "it must end in _EDGE for an edge-optimized API, and only there",
                ),
            )
        ),
        (
            STAGE,
            {"restApi": "a", "stageName": "s", "accessLogSettings": {"target": "x"}},
            "UpdateStage",
            "accessLogSettings.target is 'x'; it is not an input",
        ),
        (
            SETTINGS,
            {"restApi": "a", "stageName": "s", "methodPath": "*/*", "settings": {"logLevel": "INFO"}},
            "",
            "settings.logLevel is 'INFO'; it is not a method setting; use one of",
        ),
        (
            SETTINGS,
            {"restApi": "a", "stageName": "s", "methodPath": "*/*", "settings": {"loggingLevel": "DEBUG"}},
            "",
            "settings.loggingLevel is 'DEBUG'; it must be one of OFF, ERROR, INFO",
        ),
        (
            SETTINGS,
            {"restApi": "a", "stageName": "s", "methodPath": "all", "settings": {}},
            "",
            "methodPath is 'all'; it must be <resource>/<method>",
        ),
        ("aws:lambda/function:Function", {"code": "x.zip"}, "", "code is 'x.zip'; it must be an archive"),
        (ALARM, {"name": "a", "period": 90}, "", "period is 90; it must be 10, 20, 30 or a multiple of 60"),
        (ALARM, {"name": "a", "treatMissingData": "ok"}, "", "treatMissingData is 'ok'; it must be one of breaching"),
        (TOPIC, {"name": "t.fifo"}, "", "name is 't.fifo'; it must be up to 256 letters"),
        (
            "aws:sns/topicPolicy:TopicPolicy",
            {"arn": "arn:t", "policy": '{"Statement": [{"Action": "sns:*"}]}'},
            "",
            r"policy is 'sns:\*'; it must be an action of SNS",
        ),
    ],
)
def test_rules_that_the_models_leave_out_are_kept(
    kind: str, inputs: dict[str, Any], operation: str, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^{kind} thing: .*{message}"):
        parameters_of(kind, inputs, operation)


def test_queue_settings_become_text() -> None:
    fitted = parameters_of(QUEUE, {"name": "q", "delaySeconds": 5.0, "sqsManagedSseEnabled": True})

    assert fitted["Attributes"] == {"DelaySeconds": "5", "SqsManagedSseEnabled": "true"}


def test_method_settings_become_patches_of_the_stage() -> None:
    settings = {"throttlingBurstLimit": 10.0, "throttlingRateLimit": 0.5, "metricsEnabled": True}

    fitted = parameters_of(SETTINGS, {"restApi": "a", "stageName": "s", "methodPath": "a~1b/GET", "settings": settings})

    assert fitted["patchOperations"] == [
        {"op": "replace", "path": "/a~1b/GET/throttling/burstLimit", "value": "10"},
        {"op": "replace", "path": "/a~1b/GET/throttling/rateLimit", "value": "0.5"},
        {"op": "replace", "path": "/a~1b/GET/metrics/enabled", "value": "true"},
    ]


@each_case(("on", "expected"), [(True, {"EventBridgeConfiguration": {}}), (False, {})])
def test_event_bridge_is_switched_on_by_an_empty_element(on: bool, expected: dict[str, Any]) -> None:
    assert parameters_of(NOTIFICATION, {"bucket": "b", "eventbridge": on})["NotificationConfiguration"] == expected


def test_notification_filters_become_rules() -> None:
    queue = {"queueArn": "arn:q", "events": ["s3:ObjectCreated:*"], "filterPrefix": "in/", "filterSuffix": ".csv"}

    (fitted,) = parameters_of(NOTIFICATION, {"bucket": "b", "queues": [queue]})["NotificationConfiguration"][
        "QueueConfigurations"
    ]

    assert fitted["Filter"]["Key"]["FilterRules"] == [
        {"Name": "prefix", "Value": "in/"},
        {"Name": "suffix", "Value": ".csv"},
    ]


def test_buckets_name_their_region_where_s3_wants_it() -> None:
    assert parameters_of(BUCKET, {"bucket": "some-bucket"}) == {
        "Bucket": "some-bucket",
        "CreateBucketConfiguration": {"LocationConstraint": "eu-north-1"},
    }


def test_policy_documents_are_written_as_the_provider_writes_them() -> None:
    document = INVOKES["aws:iam/getPolicyDocument:getPolicyDocument"](
        ACCOUNT,
        {
            "statements": [
                {
                    "sid": "One",
                    "actions": ["s3:GetObject"],
                    "resources": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"],
                    "principals": [{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}],
                    "conditions": [{"test": "StringLike", "variable": "s3:prefix", "values": ["&{aws:username}/*"]}],
                },
                {"effect": "Deny", "actions": ["*"], "principals": [{"type": "*", "identifiers": ["*"]}]},
            ]
        },
    )

    assert json.loads(document["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "One",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"],
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}},
            },
            {"Effect": "Deny", "Action": "*", "Principal": "*"},
        ],
    }


def test_a_policy_document_with_an_unknown_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="sourcePolicyDocuments cannot be used locally"):
        INVOKES["aws:iam/getPolicyDocument:getPolicyDocument"](ACCOUNT, {"sourcePolicyDocuments": ["{}"]})


class TestArchives:
    def test_the_same_files_make_the_same_bytes(self, tmp_path: Path) -> None:
        source = tmp_path / "a.py"
        source.write_text("a")
        before = zipped(pulumi.AssetArchive({"b.txt": pulumi.StringAsset("b"), "a.py": pulumi.FileAsset(str(source))}))
        os.utime(source, (1, 1))
        source.chmod(0o600)

        after = zipped(pulumi.AssetArchive({"a.py": pulumi.FileAsset(str(source)), "b.txt": pulumi.StringAsset("b")}))

        assert before == after

    def test_archives_nest(self, tmp_path: Path) -> None:
        folder = tmp_path / "team"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "x.py").write_text("x")
        (tmp_path / "lib.zip").write_bytes(zipped(pulumi.AssetArchive({"lib/y.py": pulumi.StringAsset("y")})))

        packed = zipped(
            pulumi.AssetArchive(
                {
                    ".": pulumi.FileArchive(str(folder)),
                    "vendor": pulumi.FileArchive(str(tmp_path / "lib.zip")),
                    "inner": pulumi.AssetArchive({"z.txt": pulumi.StringAsset("z")}),
                }
            )
        )

        with zipfile.ZipFile(io.BytesIO(packed)) as package:
            assert {name: package.read(name) for name in package.namelist()} == {
                "deep/x.py": b"x",
                "vendor/lib/y.py": b"y",
                "inner/z.txt": b"z",
            }
            assert {entry.external_attr >> 16 for entry in package.infolist()} == {0o100644}

    def test_what_is_not_on_this_machine_is_refused(self) -> None:
        with pytest.raises(TypeError, match=r"a.bin is a RemoteAsset; use a file"):
            zipped(pulumi.AssetArchive({"a.bin": pulumi.RemoteAsset("https://example.com/a.bin")}))


def test_a_service_that_the_embedded_aws_lacks_is_checked_all_the_same() -> None:
    plan = "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan"
    inputs = {
        "role": "arn:aws:iam::123456789012:role/scan",
        "protectedResource": {"s3Bucket": {"bucketName": "b", "objectPrefixes": [f"{n}/" for n in range(6)]}},
    }

    with pytest.raises(InvalidInputError, match=r"objectPrefixes is .* it must have at most 5 items, not 6"):
        parameters_of(plan, inputs)
    assert not TABLE[plan].is_called
    assert "" in TABLE[plan].not_emulated
