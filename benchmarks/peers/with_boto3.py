"""The usual implementation of create_upload: boto3 with clients that are made at import."""

import json
import os
import uuid
from typing import Any

import boto3
from botocore.config import Config

MOST_OPEN_UPLOADS = 100
DYNAMODB = boto3.client("dynamodb")
S3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Count the owner's open uploads, record another one and presign its PUT."""
    declared = json.loads(event["body"])
    owner = event["requestContext"]["authorizer"]["claims"]["sub"]
    upload_id = str(uuid.uuid4())
    table = os.environ["UPLOADS_TABLE"]
    open_uploads = DYNAMODB.query(
        TableName=table,
        IndexName="open-uploads-by-owner",
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": owner}},
        Select="COUNT",
    )
    if open_uploads["Count"] >= MOST_OPEN_UPLOADS:
        return {"statusCode": 403, "body": json.dumps({"title": "Quota exceeded"})}
    DYNAMODB.put_item(
        TableName=table,
        Item={
            "owner": {"S": owner},
            "upload_id": {"S": upload_id},
            "status": {"S": "pending"},
            "file_name": {"S": declared["file_name"]},
            "content_type": {"S": declared["content_type"]},
            "size_bytes": {"N": str(declared["size_bytes"])},
        },
        ConditionExpression="attribute_not_exists(upload_id)",
    )
    url = S3.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": os.environ["INGEST_BUCKET"],
            "Key": f"uploads/{owner}/{upload_id}",
            "ContentLength": declared["size_bytes"],
            "ContentType": declared["content_type"],
            "IfNoneMatch": "*",
        },
        ExpiresIn=900,
    )
    return {"statusCode": 201, "body": json.dumps({"upload_id": upload_id, "url": url})}
