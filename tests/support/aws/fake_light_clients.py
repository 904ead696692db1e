"""Stand-ins for the light clients, which speak over a line: the same calls in the mocked AWS, by way of boto3."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws.boto3_json import Boto3Json
from handlers.aws.client import AwsError
from handlers.aws.json_client import SECRETS_MANAGER, AwsJson, Calls, Service
from handlers.aws.presign import Bucket
from handlers.aws.s3_client import AwsS3
from handlers.storage.session_keys import SigningKey
from tests.support.aws.moto_cloud import dynamodb_client, s3_client

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:session-key"
KEY = SigningKey("key-1", b"k" * 32)
_PARAMETERS = {
    "Content-Type": "ContentType",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-checksum-algorithm": "ChecksumAlgorithm",
    "x-amz-checksum-type": "ChecksumType",
}
"""boto3's names of CreateMultipartUpload's headers."""


def light_calls(service: Service, _region: str) -> Calls:
    """Stand in for AwsJson."""
    return OneSecret() if service is SECRETS_MANAGER else Boto3Json(dynamodb_client())


class OneSecret(AwsJson):
    """Secrets Manager with a key that was never rotated."""

    def __init__(self, *_: object) -> None:
        pass

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, parameters["SecretId"]) == ("GetSecretValue", SECRET)
        if parameters["VersionStage"] != "AWSCURRENT":
            raise AwsError("ResourceNotFoundException", "no such version", 400, {})
        return {"SecretString": KEY.to_secret()}


class LightS3(AwsS3):
    """Stands in for AwsS3."""

    def __init__(self, bucket: Bucket) -> None:
        self.name = bucket.name

    def create_multipart_upload(self, key: str, headers: Mapping[str, str]) -> str:
        named: dict[str, Any] = {_PARAMETERS[name]: value for name, value in headers.items()}
        try:
            return s3_client().create_multipart_upload(Bucket=self.name, Key=key, **named)["UploadId"]
        except ClientError as fault:
            raise _error(fault) from fault

    def abort_multipart_upload(self, key: str, multipart_id: str) -> None:
        try:
            s3_client().abort_multipart_upload(Bucket=self.name, Key=key, UploadId=multipart_id)
        except ClientError as fault:
            raise _error(fault) from fault


def _error(fault: ClientError) -> AwsError:
    told: Any = fault.response
    return AwsError(told["Error"]["Code"], told["Error"]["Message"], told["ResponseMetadata"]["HTTPStatusCode"], {})
