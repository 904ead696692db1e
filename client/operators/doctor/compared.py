"""Declared inputs that keep uploads safe, and where AWS answers with each: a table by resource type."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .resources import Resource, value_at

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """An input, and where AWS answers with it."""

    input: str
    answer: str
    default: Any = None
    """What AWS uses, and answers with, if the input is not set. None: not compared if it is not set."""
    convert: Convert = lambda value: value
    """Applied to both, so that equal values look equal."""
    answered: Convert = lambda value: value
    """Applied to AWS's value first."""
    is_by_name: bool = False
    """Whether only the names in it are compared, and secret values do not matter."""


@dataclass(frozen=True)
class Check:
    """One call, and what it is compared with."""

    service: str
    operation: str
    request: Callable[[Resource], Mapping[str, Any]]
    fields: Sequence[Field]
    absent: str = ""
    """The error that says that nothing is configured."""
    name: str = ""
    """Where a list answers with the resource's id. Another one, or none, says that the resource is gone."""


def document(value: Any) -> Any:
    """Return a policy in a form that does not depend on order, or on one item being a list."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    if isinstance(value, Mapping):
        return {key: document(each) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        items = [document(each) for each in cast("list[Any]", value)]
        return items[0] if len(items) == 1 else sorted(items, key=lambda each: json.dumps(each, sort_keys=True))
    return value


def _names(variables: Any) -> list[str]:
    return sorted(cast("Mapping[str, Any]", variables or {}))


def _text(value: Any) -> str:
    """Return a queue's attribute as the API writes it."""
    return str(value).lower() if isinstance(value, bool) else str(int(value) if isinstance(value, float) else value)


def _cors(rules: Any) -> Any:
    """Return origins and methods of CORS rules, in the API's and the provider's form."""
    return document([{key[7:]: each for key, each in _lowered(rule).items() if key in _CORS} for rule in rules or ()])


def _lifecycle(rules: Any) -> Any:
    """Return when each rule deletes what."""
    return document(
        [
            [str(rule.get("id")), str(rule.get("status")), *(f"{value_at(rule, path) or 0:g}" for path in _LIFECYCLE)]
            for rule in map(_lowered, rules or ())
        ]
    )


def _lowered(value: Any) -> Any:
    """Return an object with keys in lower case: the provider's names differ from the API's only there."""
    if isinstance(value, Mapping):
        return {key.lower(): _lowered(each) for key, each in cast("Mapping[str, Any]", value).items()}
    return value


def _redrive(value: Any) -> Any:
    """Return a redrive policy with text, because SQS also takes numbers as text."""
    known = document(value)
    if isinstance(known, Mapping):
        return {key: str(each) for key, each in cast("Mapping[str, Any]", known).items()}
    return known


_OFF = ("Disabling", "Disabled", "Deleting")
_CORS = ("allowedorigins", "allowedmethods")
_LIFECYCLE = (
    "abortincompletemultipartupload.daysafterinitiation",
    "expiration.days",
    "noncurrentversionexpiration.noncurrentdays",
)
_BLOCK = "PublicAccessBlockConfiguration"
_RULE = "ServerSideEncryptionConfiguration.Rules.0"


def _bucket(operation: str, *fields: Field, absent: str = "") -> Check:
    return Check("s3", operation, lambda resource: {"Bucket": resource.get("bucket") or resource.id}, fields, absent)


def _by_id(service: str, operation: str, name: str, *fields: Field) -> Check:
    """Return the check of a resource that the request names by its id."""
    return Check(service, operation, lambda resource: {name: resource.id}, fields)


CHECKS: Mapping[str, Sequence[Check]] = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
        _bucket(
            "get_public_access_block",
            Field("blockPublicAcls", f"{_BLOCK}.BlockPublicAcls", default=False),
            Field("blockPublicPolicy", f"{_BLOCK}.BlockPublicPolicy", default=False),
            Field("ignorePublicAcls", f"{_BLOCK}.IgnorePublicAcls", default=False),
            Field("restrictPublicBuckets", f"{_BLOCK}.RestrictPublicBuckets", default=False),
            absent="NoSuchPublicAccessBlockConfiguration",
        )
    ],
    "aws:s3/bucketPolicy:BucketPolicy": [
        _bucket("get_bucket_policy", Field("policy", "Policy", "", document), absent="NoSuchBucketPolicy")
    ],
    "aws:s3/bucketVersioning:BucketVersioning": [
        _bucket("get_bucket_versioning", Field("versioningConfiguration.status", "Status", "Disabled"))
    ],
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": [
        _bucket("get_bucket_cors", Field("corsRules", "CORSRules", (), _cors), absent="NoSuchCORSConfiguration")
    ],
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
        _bucket(
            "get_bucket_lifecycle_configuration",
            Field("rules", "Rules", (), _lifecycle),
            absent="NoSuchLifecycleConfiguration",
        )
    ],
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
        _bucket(
            "get_bucket_encryption",
            Field(
                "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm",
                f"{_RULE}.ApplyServerSideEncryptionByDefault.SSEAlgorithm",
                "AES256",
            ),
            Field(
                "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId",
                f"{_RULE}.ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
            ),
            absent="ServerSideEncryptionConfigurationNotFoundError",
        )
    ],
    "aws:s3/bucketNotification:BucketNotification": [
        _bucket(
            "get_bucket_notification_configuration",
            Field("eventbridge", "EventBridgeConfiguration", convert=bool, answered=lambda value: value is not None),
        )
    ],
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": [
        _bucket(
            "get_bucket_ownership_controls",
            Field("rule.objectOwnership", "OwnershipControls.Rules.0.ObjectOwnership", "ObjectWriter"),
            absent="OwnershipControlsNotFoundError",
        )
    ],
    "aws:sqs/queue:Queue": [
        Check(
            "sqs",
            "get_queue_attributes",
            lambda queue: {"QueueUrl": queue.id, "AttributeNames": ["All"]},
            [
                Field("visibilityTimeoutSeconds", "Attributes.VisibilityTimeout", 30, _text),
                Field("redrivePolicy", "Attributes.RedrivePolicy", "", _redrive),
                Field("sqsManagedSseEnabled", "Attributes.SqsManagedSseEnabled", convert=_text),
                Field("kmsMasterKeyId", "Attributes.KmsMasterKeyId"),
                Field("messageRetentionSeconds", "Attributes.MessageRetentionPeriod", 345_600, _text),
            ],
        )
    ],
    "aws:sqs/queuePolicy:QueuePolicy": [
        Check(
            "sqs",
            "get_queue_attributes",
            lambda policy: {"QueueUrl": policy.get("queueUrl"), "AttributeNames": ["Policy"]},
            [Field("policy", "Attributes.Policy", "", document)],
        )
    ],
    "aws:lambda/function:Function": [
        _by_id(
            "lambda",
            "get_function_configuration",
            "FunctionName",
            Field("timeout", "Timeout", 3, float),
            Field("memorySize", "MemorySize", 128, float),
            Field("role", "Role"),
            Field("handler", "Handler"),
            Field("environment.variables", "Environment.Variables", (), _names, is_by_name=True),
            Field("loggingConfig.applicationLogLevel", "LoggingConfig.ApplicationLogLevel"),
        ),
        _by_id(
            "lambda",
            "get_function_concurrency",
            "FunctionName",
            Field("reservedConcurrentExecutions", "ReservedConcurrentExecutions", -1, float),
        ),
    ],
    "aws:lambda/eventSourceMapping:EventSourceMapping": [
        _by_id(
            "lambda",
            "get_event_source_mapping",
            "UUID",
            Field("enabled", "State", default=True, answered=lambda state: state not in _OFF),
            Field("scalingConfig.maximumConcurrency", "ScalingConfig.MaximumConcurrency", convert=float),
            Field("batchSize", "BatchSize", convert=float),
        )
    ],
    "aws:dynamodb/table:Table": [
        _by_id(
            "dynamodb",
            "describe_table",
            "TableName",
            Field("deletionProtectionEnabled", "Table.DeletionProtectionEnabled", default=False),
        ),
        _by_id(
            "dynamodb",
            "describe_continuous_backups",
            "TableName",
            Field(
                "pointInTimeRecovery.enabled",
                "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus",
                default=False,
                answered=lambda status: status == "ENABLED",
            ),
        ),
    ],
    "aws:cloudwatch/eventRule:EventRule": [
        Check(
            "events",
            "describe_rule",
            lambda rule: (
                {"Name": rule.get("name") or rule.id.rpartition("/")[2]}
                | ({"EventBusName": rule.get("eventBusName")} if rule.get("eventBusName") else {})
            ),
            [Field("state", "State", "ENABLED"), Field("eventPattern", "EventPattern", convert=document)],
        )
    ],
    "aws:scheduler/schedule:Schedule": [
        Check(
            "scheduler",
            "get_schedule",
            lambda schedule: {
                "GroupName": schedule.id.partition("/")[0],
                "Name": schedule.id.rpartition("/")[2],
            },
            [Field("state", "State", "ENABLED"), Field("scheduleExpression", "ScheduleExpression")],
        )
    ],
    "aws:cloudwatch/logGroup:LogGroup": [
        Check(
            "logs",
            "describe_log_groups",
            lambda group: {"logGroupNamePrefix": group.id, "limit": 1},  # the shortest name comes first
            [Field("retentionInDays", "logGroups.0.retentionInDays", 0, float)],
            name="logGroups.0.logGroupName",
        )
    ],
    "aws:cloudwatch/metricAlarm:MetricAlarm": [
        Check(
            "cloudwatch",
            "describe_alarms",
            lambda alarm: {"AlarmNames": [alarm.id]},
            [
                Field("actionsEnabled", "MetricAlarms.0.ActionsEnabled", default=True),
                Field("threshold", "MetricAlarms.0.Threshold", convert=float),
                Field("alarmActions", "MetricAlarms.0.AlarmActions", (), document),
            ],
            name="MetricAlarms.0.AlarmName",
        )
    ],
    "aws:apigateway/methodSettings:MethodSettings": [
        Check(
            "apigateway",
            "get_stage",
            lambda settings: {"restApiId": settings.get("restApi"), "stageName": settings.get("stageName")},
            [
                Field("settings.throttlingRateLimit", "methodSettings.*/*.throttlingRateLimit", convert=float),
                Field("settings.throttlingBurstLimit", "methodSettings.*/*.throttlingBurstLimit", convert=float),
                Field("settings.dataTraceEnabled", "methodSettings.*/*.dataTraceEnabled", default=False),
            ],
        )
    ],
    "aws:cognito/userPool:UserPool": [
        _by_id(
            "cognito-idp",
            "describe_user_pool",
            "UserPoolId",
            Field("deletionProtection", "UserPool.DeletionProtection", "INACTIVE"),
            Field(
                "adminCreateUserConfig.allowAdminCreateUserOnly",
                "UserPool.AdminCreateUserConfig.AllowAdminCreateUserOnly",
                default=False,
            ),
        )
    ],
    "aws:kms/key:Key": [
        _by_id("kms", "describe_key", "KeyId", Field("isEnabled", "KeyMetadata.Enabled", default=True))
    ],
    "aws:iam/rolePolicy:RolePolicy": [
        Check(
            "iam",
            "get_role_policy",
            lambda policy: {"RoleName": policy.id.partition(":")[0], "PolicyName": policy.id.partition(":")[2]},
            [Field("policy", "PolicyDocument", convert=document)],
        )
    ],
}
