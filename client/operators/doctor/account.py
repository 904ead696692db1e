"""Reads an AWS account, and knows which permissions that needs. It never changes anything."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..aws import client_error_text, known_operator

ACTIONS: Mapping[tuple[str, str], str] = {
    ("apigateway", "get_account"): "apigateway:GET",
    ("apigateway", "get_rest_apis"): "apigateway:GET",
    ("apigateway", "get_stage"): "apigateway:GET",
    ("cloudwatch", "describe_alarms"): "cloudwatch:DescribeAlarms",
    ("cognito-idp", "describe_user_pool"): "cognito-idp:DescribeUserPool",
    ("dynamodb", "describe_continuous_backups"): "dynamodb:DescribeContinuousBackups",
    ("dynamodb", "describe_table"): "dynamodb:DescribeTable",
    ("dynamodb", "list_tables"): "dynamodb:ListTables",
    ("dynamodb", "scan"): "dynamodb:Scan",
    ("ec2", "describe_addresses"): "ec2:DescribeAddresses",
    ("ec2", "describe_vpc_endpoints"): "ec2:DescribeVpcEndpoints",
    ("ec2", "describe_vpcs"): "ec2:DescribeVpcs",
    ("eks", "list_clusters"): "eks:ListClusters",
    ("events", "describe_rule"): "events:DescribeRule",
    ("events", "list_rules"): "events:ListRules",
    ("iam", "get_account_summary"): "iam:GetAccountSummary",
    ("iam", "get_role_policy"): "iam:GetRolePolicy",
    ("kms", "describe_key"): "kms:DescribeKey",
    ("lambda", "get_account_settings"): "lambda:GetAccountSettings",
    ("lambda", "get_event_source_mapping"): "lambda:GetEventSourceMapping",
    ("lambda", "get_function_concurrency"): "lambda:GetFunctionConcurrency",
    ("lambda", "get_function_configuration"): "lambda:GetFunctionConfiguration",
    ("logs", "describe_log_groups"): "logs:DescribeLogGroups",
    ("s3", "get_bucket_cors"): "s3:GetBucketCORS",
    ("s3", "get_bucket_encryption"): "s3:GetEncryptionConfiguration",
    ("s3", "get_bucket_lifecycle_configuration"): "s3:GetLifecycleConfiguration",
    ("s3", "get_bucket_notification_configuration"): "s3:GetBucketNotification",
    ("s3", "get_bucket_ownership_controls"): "s3:GetBucketOwnershipControls",
    ("s3", "get_bucket_policy"): "s3:GetBucketPolicy",
    ("s3", "get_bucket_versioning"): "s3:GetBucketVersioning",
    ("s3", "get_public_access_block"): "s3:GetBucketPublicAccessBlock",
    ("s3", "list_buckets"): "s3:ListAllMyBuckets",
    ("s3", "list_multipart_uploads"): "s3:ListBucketMultipartUploads",
    ("s3", "list_parts"): "s3:ListMultipartUploadParts",
    ("scheduler", "get_schedule"): "scheduler:GetSchedule",
    ("service-quotas", "get_aws_default_service_quota"): "servicequotas:GetAWSDefaultServiceQuota",
    ("service-quotas", "get_service_quota"): "servicequotas:GetServiceQuota",
    ("sns", "list_subscriptions_by_topic"): "sns:ListSubscriptionsByTopic",
    ("sqs", "get_queue_attributes"): "sqs:GetQueueAttributes",
}
"""The permission for each operation that is called. Source: the service authorization reference."""

_NARROWED: Mapping[str, Mapping[str, object]] = {
    "apigateway:GET": {
        "Resource": [
            "arn:*:apigateway:*::/account",
            "arn:*:apigateway:*::/restapis",
            "arn:*:apigateway:*::/restapis/*/stages/*",
        ]
    },
    "dynamodb:Scan": {
        "Resource": ["arn:*:dynamodb:*:*:table/*/index/open-uploads"],
        "Condition": {"StringEquals": {"dynamodb:Select": "COUNT"}},
    },
}
"""What else these actions would read. The others read only configuration, and numbers and sizes of parts."""

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")
_GLOBAL = "us-east-1"
"""Quotas of a whole account are read there."""


class NotRead(Exception):
    """An operation did not answer, so nothing is known. The message has its permission."""

    def __init__(self, service: str, operation: str, why: str) -> None:
        self.action = ACTIONS[service, operation]
        super().__init__(f"{self.action}: {why}")


class Gone(Exception):
    """AWS knows no resource of this name."""

    def __init__(self, message: str, code: str) -> None:
        self.code = code
        super().__init__(message)


def policy() -> Mapping[str, object]:
    """Return the IAM policy with all that the doctor reads, and no keys of APIs or records of uploads."""
    others = sorted(set(ACTIONS.values()) - _NARROWED.keys())
    narrowed = [{"Effect": "Allow", "Action": [action], **how} for action, how in _NARROWED.items()]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": others, "Resource": ["*"]}, *narrowed],
    }


class Account:
    """One account and region, read with an operator's credentials."""

    def __init__(self, region: str, client: Callable[[str, str], Any]) -> None:
        """`client` makes boto3's client of a service and a region."""
        self.region = region
        self._client = client
        self._clients: dict[tuple[str, str], Any] = {}

    def read(self, service: str, operation: str, *, absent: str = "", anywhere: bool = False, **request: Any) -> Any:
        """Return an operation's answer. Raises NotRead, or Gone for an error that says so.

        `absent` is the error of a setting that nobody has made. Its answer is empty then. Raises WrongConfig without
        credentials that AWS accepts.
        """
        client = self._of(service, operation, anywhere=anywhere)
        try:
            with _reading(service, operation):
                return getattr(client, operation)(**request)
        except Gone as gone:
            if gone.code != absent:
                raise
            return {}

    def count(self, service: str, operation: str, key: str, **request: Any) -> int:
        """Return how many items the pages of a list have."""
        return sum(len(page.get(key) or ()) for page in self.pages(service, operation, **request))

    def pages(self, service: str, operation: str, **request: Any) -> Iterator[Any]:
        """Yield the pages of a list. Raises NotRead or Gone."""
        client = self._of(service, operation)
        if not client.can_paginate(operation):
            yield self.read(service, operation, **request)
            return
        with _reading(service, operation):
            yield from client.get_paginator(operation).paginate(**request)

    def quota(self, service_code: str, code: str, *, of_account: bool) -> float:
        """Return a quota's value: the one of this account, or AWS's default. Raises NotRead or Gone."""
        which = {"ServiceCode": service_code, "QuotaCode": code}
        try:
            found = self.read("service-quotas", "get_service_quota", anywhere=of_account, **which)
        except Gone:
            found = self.read("service-quotas", "get_aws_default_service_quota", anywhere=of_account, **which)
        if "Value" not in found["Quota"]:
            why = found["Quota"].get("ErrorReason", {}).get("ErrorMessage", "the answer has no value")
            raise NotRead("service-quotas", "get_service_quota", f"{code}: {why}")
        return float(found["Quota"]["Value"])

    def _of(self, service: str, operation: str, *, anywhere: bool = False) -> Any:
        if (service, operation) not in ACTIONS:
            raise LookupError(f"ACTIONS has no permission for {service} {operation}")
        region = _GLOBAL if anywhere and not self.region.startswith(("cn-", "us-gov-")) else self.region
        if (service, region) not in self._clients:
            self._clients[service, region] = self._client(service, region)
        return self._clients[service, region]


@contextmanager
def _reading(service: str, operation: str) -> Generator[None]:
    """Raise boto3's errors as NotRead or Gone, and WrongConfig without credentials that AWS accepts."""
    from botocore import exceptions  # noqa: PLC0415 - only operators have it

    try:
        with known_operator():
            yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _DENIED:
            raise NotRead(service, operation, "the credentials do not allow it") from error
        if _is_gone(code):
            raise Gone(client_error_text(error), code) from error
        raise NotRead(service, operation, client_error_text(error)) from error
    except exceptions.BotoCoreError as error:
        raise NotRead(service, operation, str(error)) from error


def _is_gone(code: str) -> bool:
    return "NotFound" in code or code.startswith("NoSuch") or "NonExistent" in code or code.endswith("DoesNotExist")
