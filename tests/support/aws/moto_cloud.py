"""The AWS that the handlers' tests run against: moto, with tables, buckets and a queue shaped as deployed."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from handlers.domain.upload import TERMINAL
from handlers.domain.upload_ref import UploadRef
from handlers.storage.table import (
    OPEN_INDEX,
    OPEN_INDEX_ATTRIBUTES,
    OPEN_INDEX_PARTITION_KEY,
    OPEN_INDEX_SORT_KEY,
    PARTITION_KEY,
    SORT_KEY,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType

REGION = "eu-central-1"
TABLE = "uploads"
INGEST = "ingest-bucket"
RESULTS = "results-bucket"
QUARANTINE = "quarantine-bucket"
PDF = b"%PDF-"
"""As long as the record says, and of the type that it says."""
OWNER = "6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11"
REF = UploadRef(OWNER, "01985c2e-5a00-7000-8000-000000000001")
CREATED = datetime(2026, 2, 28, 12, 0, 0, 250_000, tzinfo=UTC)
LATER = datetime(2026, 2, 28, 12, 0, 7, 500_000, tzinfo=UTC)
LATER_ISO = "2026-02-28T12:00:07.500Z"
EVENT_ID = "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9"
"""EventBridge's, of the object's creation."""
RECEIVE_COUNT: "MessageSystemAttributeNameType" = "ApproximateReceiveCount"
ENVIRONMENT = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret/with+reserved=",
    "AWS_SESSION_TOKEN": "token/with+reserved==",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@cache  # making a client takes longer than most tests; moto connects it to the active mock
def dynamodb_client() -> "DynamoDBClient":
    return boto3.Session(region_name=REGION).client("dynamodb")


@cache
def s3_client() -> "S3Client":
    return boto3.Session(region_name=REGION).client("s3")


@cache
def sqs_client() -> "SQSClient":
    return boto3.Session(region_name=REGION).client("sqs")


def shared_client(service: str, **_config: object) -> Any:
    """Stands in for boto3.client where an entry makes its own clients."""
    return {"dynamodb": dynamodb_client, "s3": s3_client, "sqs": sqs_client}[service]()


class Cloud:
    """Look into, and prepare, what the handlers work on."""

    def __init__(self, dynamodb: "DynamoDBClient | None" = None) -> None:
        self.dynamodb, self.sqs = dynamodb or dynamodb_client(), sqs_client()
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"}
                for name in (
                    PARTITION_KEY,
                    SORT_KEY,
                    OPEN_INDEX_PARTITION_KEY,
                    OPEN_INDEX_SORT_KEY,
                )
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": OPEN_INDEX,
                    "KeySchema": [
                        {"AttributeName": OPEN_INDEX_PARTITION_KEY, "KeyType": "HASH"},
                        {"AttributeName": OPEN_INDEX_SORT_KEY, "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(OPEN_INDEX_ATTRIBUTES)},
                },
            ],
        )

    @cached_property
    def s3(self) -> "S3Client":
        """The client, once all buckets exist."""
        client = s3_client()
        for bucket in (INGEST, RESULTS, QUARANTINE):
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return client

    @cached_property
    def queue_url(self) -> str:
        return self.sqs.create_queue(QueueName="created-objects")["QueueUrl"]

    def record(self, ref: UploadRef = REF) -> dict[str, Any] | None:
        answer = self.dynamodb.get_item(
            TableName=TABLE, Key={"owner": {"S": ref.owner}, "upload_id": {"S": ref.upload_id}}, ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        return {name: TypeDeserializer().deserialize(value) for name, value in answer["Item"].items()}

    def count_records(self) -> int:
        """Uploads and claims; places stay when they are free again."""
        items = self.dynamodb.scan(TableName=TABLE)["Items"]
        return sum(1 for item in items if not item["upload_id"].get("S", "").startswith("place#"))

    def places(self, now: datetime = CREATED, owner: str = OWNER) -> dict[int, str]:
        """Which places of an owner are held, and by which upload."""
        answer = self.dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="#owner = :owner AND begins_with(upload_id, :place)",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": owner}, ":place": {"S": "place#"}},
            ConsistentRead=True,
        )
        return {
            int(item["upload_id"]["S"].removeprefix("place#")): item["held_by"]["S"]
            for item in map(dict[str, Any], answer["Items"])
            if int(item["held_until"]["N"]) > now.timestamp()
        }

    def status(self, ref: UploadRef = REF) -> str | None:
        record = self.record(ref)
        return None if record is None else record["status"]

    def write_record(self, ref: UploadRef = REF, **attributes: Any) -> dict[str, Any]:
        """Put an upload into any state, past the store. An attribute that is None is left out."""
        record: dict[str, Any] = {
            "owner": ref.owner,
            "upload_id": ref.upload_id,
            "status": "pending",
            "version": 1,
            "method": "put",
            "file_name": "report.pdf",
            "content_type": "application/pdf",
            "size_bytes": 5,
            "created_at": "2026-02-28T12:00:00.250Z",
            "updated_at": "2026-02-28T12:00:00.250Z",
            "expires_at": "2026-02-28T12:15:00.250Z",
            "open_shard": ref.open_shard,
            "delete_at": 1_774_872_000,
            **attributes,
        }
        record = {name: value for name, value in record.items() if value is not None}
        if record["status"] in TERMINAL:
            del record["open_shard"]
        item = {name: TypeSerializer().serialize(value) for name, value in record.items()}
        self.dynamodb.put_item(TableName=TABLE, Item=item)
        return record

    def open_uploads(self, ref: UploadRef = REF) -> list[dict[str, Any]]:
        answer = self.dynamodb.query(
            TableName=TABLE,
            IndexName=OPEN_INDEX,
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": ref.open_shard}},
        )
        return [dict(item) for item in answer["Items"]]

    def put_object(self, ref: UploadRef = REF, body: bytes = PDF, content_type: str = "application/pdf") -> str:
        """Send the bytes, as a client with its presigned URL does; returns their version."""
        answer = self.s3.put_object(Bucket=INGEST, Key=ref.object_key, Body=body, ContentType=content_type)
        return answer["VersionId"]

    def results(self) -> dict[str, list[bytes]]:
        """Every version of every result, newest first."""
        return self.versions(RESULTS)

    def versions(self, bucket: str) -> dict[str, list[bytes]]:
        """Every version of every object in a bucket, newest first."""
        found: dict[str, list[bytes]] = {}
        for version in self.s3.list_object_versions(Bucket=bucket).get("Versions", []):
            key = version.get("Key", "")
            answer = self.s3.get_object(Bucket=bucket, Key=key, VersionId=version.get("VersionId", ""))
            found.setdefault(key, []).append(answer["Body"].read())
        return found

    def result(self, ref: UploadRef = REF) -> dict[str, Any]:
        (body,) = self.results()[ref.result_key]
        return json.loads(body)

    def leased_until(self) -> str:
        """When the lease of the upload's run ends."""
        record = self.record()
        assert record
        return str(record["leased_until"])

    def queue(self, body: str) -> dict[str, Any]:
        """Send a message and receive it, as the Lambda service hands it over."""
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MessageSystemAttributeNames=["All"])
        (message,) = answer.get("Messages", [])
        return {
            "messageId": message.get("MessageId"),
            "receiptHandle": message.get("ReceiptHandle"),
            "body": message.get("Body"),
            "attributes": dict(message.get("Attributes", {})),
            "eventSource": "aws:sqs",
            "awsRegion": REGION,
        }

    def announce(self, version_id: str, *, key: str = REF.object_key) -> dict[str, Any]:
        """Queue the event of an object's creation."""
        return self.queue(json.dumps(object_created(key, version_id)))


def object_created(key: str, version_id: str) -> dict[str, Any]:
    """Shape EventBridge's "Object Created" (S3 guide, "EventBridge event message structure")."""
    return {
        "version": "0",
        "id": EVENT_ID,
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-02-28T12:00:05Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{INGEST}"],
        "detail": {
            "version": "0",
            "bucket": {"name": INGEST},
            "object": {"key": key, "size": 5, "etag": "e", "version-id": version_id, "sequencer": "00"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
        },
    }


def object_scanned(
    key: str, version_id: str, result: str, *, threats: Sequence[str] = (), reasons: Sequence[str] = ()
) -> dict[str, Any]:
    """Shape GuardDuty's result (GuardDuty guide, "Monitoring S3 object scans with Amazon EventBridge")."""
    return {
        "version": "0",
        "id": "72c7d362-737a-6dce-fc78-9e27a0171419",
        "detail-type": "GuardDuty Malware Protection Object Scan Result",
        "source": "aws.guardduty",
        "account": "123456789012",
        "time": "2026-02-28T12:01:01Z",
        "region": REGION,
        "resources": [f"arn:aws:guardduty:{REGION}:123456789012:malware-protection-plan/b4c7f464ab3a4EXAMPLE"],
        "detail": {
            "schemaVersion": "1.0",
            "scanStatus": {"FAILED": "FAILED", "UNSUPPORTED": "SKIPPED"}.get(result, "COMPLETED"),
            "resourceType": "S3_OBJECT",
            "s3ObjectDetails": {
                "bucketName": INGEST,
                "objectKey": key,
                "eTag": "e",
                "versionId": version_id,
                "s3Throttled": False,
            },
            "scanResultDetails": {
                "scanResultStatus": result,
                "threats": [{"name": name} for name in threats] or None,
                "statusReasons": list(reasons) or None,
            },
        },
    }


def tried_again(record: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    """The same message at a later receipt."""
    return {**record, "attributes": {**record["attributes"], RECEIVE_COUNT: str(attempt)}}
