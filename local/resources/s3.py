"""S3 buckets and their configurations. Each configuration is a separate resource."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given, Move, json_text
from local.resources.rows import Autoname, Call, Made, Row, by, checked, tag_list

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, which botocore's model leaves out
_BUCKET_NAME = checked(
    "Bucket",
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "must be 3 to 63 lower-case letters, digits, hyphens and dots, by S3's naming rules",
)
_STORED_ONLY = "lifecycle rules are stored, but no object ever expires"


def _location(made: Made) -> Mapping[str, Any]:
    """Leave out us-east-1, because S3 rejects its default region as a constraint."""
    region = made.account.region
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _bucket(made: Made) -> Mapping[str, Any]:
    name, region = made.inputs["bucket"], made.account.region
    return {
        "arn": f"arn:aws:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegion": region,
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }


def _event_bridge(on: Given) -> Mapping[str, Any]:
    """An empty element switches it on, a missing one off."""
    return {"NotificationConfiguration": {"EventBridgeConfiguration": {}} if on.value else {}}


def _filter_rule(name: str) -> Move:
    return lambda value: {"Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value}]}}}


def _configuration(operation: str, moves: Mapping[str, Move], delete: str | Call | None, **more: Any) -> Row:
    return Row(
        service="s3",
        create=Call(operation=operation, moves=moves),
        repeatable=True,
        replace_on=("bucket", "expectedBucketOwner"),
        delete=Call(operation=delete, moves={"bucket": "Bucket"}) if isinstance(delete, str) else delete,
        id=by("bucket"),
        **more,
    )


def _empty(made: Made) -> None:
    """Delete every version with `forceDestroy`; without it, S3 does not delete a bucket with objects."""
    if not made.inputs.get("forceDestroy"):
        return
    client, bucket = made.account.client("s3"), made.inputs["bucket"]
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


_TARGETS = {"lambdaFunctions": "LambdaFunction", "queues": "Queue", "topics": "Topic"}

TABLE = {
    "aws:s3/bucket:Bucket": Row(
        service="s3",
        create=Call(operation="CreateBucket", moves={"bucket": _BUCKET_NAME}, also=_location),
        then=(
            Call(
                operation="PutBucketTagging",
                moves={"bucket": "Bucket", "tags": tag_list("Tagging.TagSet")},
                when="tags",
            ),
        ),
        replace_on=("bucket", "bucketPrefix", "objectLockEnabled"),
        before_delete=_empty,
        delete=Call(operation="DeleteBucket", moves={"bucket": "Bucket"}),
        id=by("bucket"),
        outputs=_bucket,
        autoname=Autoname(input="bucket", limit=63, lower_case=True),
        provider_only={"forceDestroy": "empties the bucket before it is deleted"},
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _configuration("PutBucketVersioning", {}, None),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _configuration(
        "PutPublicAccessBlock",
        {
            name: f"PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}"
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
        "DeletePublicAccessBlock",
        provider_only={"skipDestroy": "leaves the configuration behind when the resource is deleted"},
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _configuration(
        "PutBucketOwnershipControls", {"rule": "OwnershipControls.Rules[]"}, "DeleteBucketOwnershipControls"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _configuration(
        "PutBucketEncryption",
        {
            "rules": "ServerSideEncryptionConfiguration.Rules",
            "rules.blockedEncryptionTypes": "BlockedEncryptionTypes.EncryptionType",
        },
        "DeleteBucketEncryption",
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": _configuration(
        "PutBucketCors", {"corsRules": "CORSConfiguration.CORSRules"}, "DeleteBucketCors"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _configuration(
        "PutBucketLifecycleConfiguration",
        {"rules": "LifecycleConfiguration.Rules", "rules.filter.and.tags": tag_list()},
        "DeleteBucketLifecycle",
        not_emulated={"": _STORED_ONLY},
    ),
    "aws:s3/bucketNotification:BucketNotification": _configuration(
        "PutBucketNotificationConfiguration",
        {"eventbridge": _event_bridge}
        | {inputs: f"NotificationConfiguration.{target}Configurations" for inputs, target in _TARGETS.items()}
        | {f"{inputs}.filterPrefix": _filter_rule("prefix") for inputs in _TARGETS}
        | {f"{inputs}.filterSuffix": _filter_rule("suffix") for inputs in _TARGETS},
        Call(
            operation="PutBucketNotificationConfiguration",
            moves={"bucket": "Bucket"},
            also=lambda _: {"NotificationConfiguration": {}},
        ),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _configuration(
        "PutBucketPolicy", {"policy": json_text("Policy")}, "DeleteBucketPolicy"
    ),
}
