"""The only place that writes IAM JSON: policies, trusts, and the statements that owners of resources hand out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from components.arguments import ArgumentError, is_empty
from components.arguments.constraints import StatementArgs
from handlers.domain.upload import OBJECT_PREFIX, RESULT_PREFIX
from handlers.storage.upload_signer import ENCRYPTION_HEADER, KMS_KEY_HEADER

Statement = Mapping[str, Any]
Arn = pulumi.Input[str]
Texts = pulumi.Input[Sequence[pulumi.Input[str]]]

MALWARE_PROTECTION = "malware-protection-plan.guardduty.amazonaws.com"
"""The service that scans, as a principal and as the manager of its rules."""

BUCKET_POLICY_CHARACTERS = 20 * 1024

_PRESIGNED = {"StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]}}
"""URLs and forms. A caller that signs in the Authorization header has its own credentials, as our functions do."""


def role_policy(name: str, *statements: Statement, more: pulumi.Input[Sequence[Statement]] = ()) -> pulumi.Output[str]:
    """Return a role's inline policy. IAM limits the sum of a role's inline policies, without white space.

    Source: IAM user guide, "IAM and AWS STS quotas".
    """
    return _policy(name, statements, 10_240, "IAM", more)


def bucket_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """A bucket's policy. Source: S3 user guide, "Bucket policies for Amazon S3"."""
    return _policy(name, statements, BUCKET_POLICY_CHARACTERS, "S3")


def queue_policy(name: str, *statements: Statement) -> pulumi.Output[str]:
    """A queue's policy. Source: SQS developer guide, "Amazon SQS policy quotas"."""
    return _policy(name, statements, 8_192, "SQS")


def _policy(
    name: str,
    statements: Sequence[Statement],
    limit: int,
    service: str,
    more: pulumi.Input[Sequence[Statement]] = (),
) -> pulumi.Output[str]:
    """A policy document of these statements; when it is known, raises ArgumentError where it is too long."""

    def check(document: str) -> str:
        if len(document) <= limit:
            return document
        longest = max(json.loads(document)["Statement"], key=lambda each: len(_compact(each)))
        raise ArgumentError(
            f"{name} has {len(document):,} characters, but {service} takes at most {limit:,} in a policy; "
            f"{len(_compact(longest)):,} of them are in the statement {longest.get('Sid') or longest['Action']}. "
            "Shorten the lists that it is made of."
        )

    known = pulumi.Output.all(list(statements), more)
    document = known.apply(lambda lists: _compact({"Version": "2012-10-17", "Statement": [*lists[0], *lists[1]]}))
    return document.apply(check)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def trust(service: str) -> str:
    """Let one AWS service take a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(actions: Sequence[str], *resources: pulumi.Input[str]) -> Statement:
    """Allow these actions on these resources."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def record_new_uploads(table_arn: Arn) -> Statement:
    """Put new records into the status table."""
    return allow(["dynamodb:PutItem"], table_arn)


def advance_uploads(table_arn: Arn) -> Statement:
    """Write the next state of a record."""
    return allow(["dynamodb:UpdateItem"], table_arn)


def read_an_upload(table_arn: Arn) -> Statement:
    """Read one record by its full key."""
    return allow(["dynamodb:GetItem"], table_arn)


def list_uploads(table_arn: Arn) -> Statement:
    """Read an owner's records, or the places that they hold."""
    return allow(["dynamodb:Query"], table_arn)


def allow_processor(
    statements: pulumi.Input[list[pulumi.Input[StatementArgs]]],
) -> pulumi.Output[Sequence[Statement]]:
    """Allow what a team lets its processor do."""
    known = cast("pulumi.Output[list[StatementArgs]]", pulumi.Output.from_input(statements))
    return known.apply(lambda listed: [allow(each["actions"], *each["resources"]) for each in listed])


def put_objects(bucket_arn: Arn) -> Statement:
    """Put objects where uploads go; a presigned URL can do no more than the role that signed it."""
    return allow(["s3:PutObject"], _under(bucket_arn, OBJECT_PREFIX))


def list_parts(bucket_arn: Arn) -> Statement:
    """See which parts of an upload are there."""
    return allow(["s3:ListMultipartUploadParts"], _under(bucket_arn, OBJECT_PREFIX))


def see_objects(bucket_arn: Arn) -> Statement:
    """Get 404 for a missing object instead of 403."""
    under = {"StringLike": {"s3:prefix": f"{OBJECT_PREFIX}*"}}
    return {**allow(["s3:ListBucket"], bucket_arn), "Condition": under}


def abort_multipart_uploads(bucket_arn: Arn) -> Statement:
    """Abort an upload in parts, and delete its parts."""
    return allow(["s3:AbortMultipartUpload"], _under(bucket_arn, OBJECT_PREFIX))


def read_objects(bucket_arn: Arn) -> Statement:
    """Read uploaded objects, in the version that an event names."""
    return allow(["s3:GetObjectVersion"], _under(bucket_arn, OBJECT_PREFIX))


def see_versions(bucket_arn: Arn) -> Statement:
    """List which versions of an uploaded object are there."""
    under = {"StringLike": {"s3:prefix": f"{OBJECT_PREFIX}*"}}
    return {**allow(["s3:ListBucketVersions"], bucket_arn), "Condition": under}


def delete_versions(bucket_arn: Arn) -> Statement:
    """Delete a version of an uploaded object for good."""
    return allow(["s3:DeleteObjectVersion"], _under(bucket_arn, OBJECT_PREFIX))


def fill_quarantine(bucket_arn: Arn) -> Statement:
    """Copy objects into the quarantine, under their own keys, and abort copies in parts; but read none."""
    return allow(["s3:PutObject", "s3:AbortMultipartUpload"], _under(bucket_arn, OBJECT_PREFIX))


def scan_objects(bucket_arn: Arn, role_arn: Arn, kms_key_arn: Arn | None) -> list[Statement]:
    """What GuardDuty needs to scan uploaded objects as they come, in the account of this role, without tagging them.

    Source: GuardDuty user guide, "Create or update IAM role policy" of Malware Protection for S3.
    """
    rules = pulumi.Output.from_input(role_arn).apply(_scan_rules)
    test_object = pulumi.Output.concat(bucket_arn, "/malware-protection-resource-validation-object")
    manage = allow([f"events:{verb}" for verb in ("PutRule", "DeleteRule", "PutTargets", "RemoveTargets")], rules)
    statements = [
        {**manage, "Condition": {"StringLike": {"events:ManagedBy": MALWARE_PROTECTION}}},
        allow(["events:DescribeRule", "events:ListTargetsByRule"], rules),
        allow(["s3:GetBucketNotification", "s3:PutBucketNotification", "s3:ListBucket"], bucket_arn),
        allow(["s3:PutObject"], test_object),
        allow(["s3:GetObject", "s3:GetObjectVersion"], _under(bucket_arn, OBJECT_PREFIX), test_object),
    ]
    through_s3 = {"Condition": {"StringLike": {"kms:ViaService": "s3.*"}}}
    return statements + [{**statement, **through_s3} for statement in encrypt_and_decrypt(kms_key_arn)]


def _scan_rules(role_arn: str) -> str:
    _, partition, _, _, account_id, _ = role_arn.split(":", 5)
    return f"arn:{partition}:events:*:{account_id}:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"


def put_results(bucket_arn: Arn) -> Statement:
    """Store processors' results."""
    return allow(["s3:PutObject"], _under(bucket_arn, RESULT_PREFIX))


def read_results(bucket_arn: Arn) -> Statement:
    """Read processors' results."""
    return allow(["s3:GetObject"], _under(bucket_arn, RESULT_PREFIX))


def consume(queue_arn: Arn) -> Statement:
    """What Lambda's event source mapping does with a queue, and the change of a failed message's next delivery."""
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    return allow(actions, queue_arn)


def decrypt(kms_key_arn: Arn | None) -> list[Statement]:
    """Read what a customer's key has encrypted, if there is one; the key's own policy has to allow it as well."""
    return [allow(["kms:Decrypt"], kms_key_arn)] if kms_key_arn is not None else []


def encrypt_and_decrypt(kms_key_arn: Arn | None) -> list[Statement]:
    """Read and write with a customer's key, if there is one; the key's own policy has to allow it as well."""
    return [allow(["kms:Decrypt", "kms:GenerateDataKey"], kms_key_arn)] if kms_key_arn is not None else []


def read_a_secret(secret_arn: Arn) -> Statement:
    """Read a secret's value, in all its versions."""
    return allow(["secretsmanager:GetSecretValue"], secret_arn)


def rotate_a_secret(secret_arn: Arn) -> Statement:
    """Make a version of a secret, and make it current. Source: Secrets Manager guide, rotation permissions."""
    actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    return allow([f"secretsmanager:{action}" for action in actions], secret_arn)


def write_logs(log_group_arn: Arn) -> Statement:
    """Write into one log group, which exists already."""
    streams = pulumi.Output.concat(log_group_arn, ":*")
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], streams)


def send_traces() -> Statement:
    """Send X-Ray segments; X-Ray knows no resources for these actions (Service Authorization Reference)."""
    return allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")


def push_api_logs() -> Statement:
    """What API Gateway demands of the one role with which it logs for the account, on all log groups.

    Source: API Gateway developer guide, "Permissions for CloudWatch logging".
    """
    actions = ["CreateLogGroup", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents"]
    return allow([f"logs:{action}" for action in (*actions, "GetLogEvents", "FilterLogEvents")], "*")


def send_from_rule(queue_arn: Arn, rule_arn: Arn) -> Statement:
    """Queue policy: let one EventBridge rule send."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }


def refuse_plain_http(resource_arn: Arn, actions: str, *more_arns: Arn) -> Statement:
    """Resource policy: deny all requests without TLS."""
    return _refuse("PlainHttp", actions, [resource_arn, *more_arns], {"Bool": {"aws:SecureTransport": "false"}})


def refuse_old_signatures(bucket_arn: Arn, expires_in_seconds: int) -> Statement:
    """Bucket policy: deny presigned requests later than this after their signing, even if their own expiry is later.

    Source: S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys".
    """
    age = {"NumericGreaterThan": {"s3:signatureAge": str(expires_in_seconds * 1000)}}
    return _refuse("OldSignatures", "s3:*", _all_of(bucket_arn), {**_PRESIGNED, **age})


def refuse_overwrites(bucket_arn: Arn, *, allow_forms: bool) -> Statement:
    """Bucket policy: deny requests that make an upload's object without If-None-Match.

    The start and the parts of a multipart upload make none. Forms take no condition (POST Object): the policy lets all
    of them through, or none.
    Copies to there are refused for good: CopyObject answers 501 to the condition.
    Source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets".
    """
    condition: dict[str, Any] = {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    if allow_forms:
        condition["StringNotEquals"] = {"s3:authType": "POST"}
    return _refuse("Overwrites", "s3:PutObject", [_under(bucket_arn, OBJECT_PREFIX)], condition)


def refuse_other_encryption(bucket_arn: Arn, kms_key_arn: Arn | None) -> list[Statement]:
    """Bucket policy: deny uploads that name another encryption than aws:kms, or another key than the customer's.

    The bucket itself blocks keys of the client's own (SSE-C). GuardDuty writes its test object outside of the uploads.
    A request that names none gets the bucket's encryption, after the policy has been evaluated. Whether parts and
    completion bring the key of their upload's start to the evaluation is not documented. So no key is demanded: who
    names aws:kms alone gets AWS's own. And where there is no customer's key, none is refused: it could be AWS's.
    """
    sse, key = f"s3:{ENCRYPTION_HEADER}", f"s3:{KMS_KEY_HEADER}"
    conditions: dict[str, Any] = {
        "OtherEncryption": {"Null": {sse: "false"}, "StringNotEquals": {sse: "aws:kms"}},
    }
    if kms_key_arn is not None:
        conditions["OtherKeys"] = {"Null": {key: "false"}, "StringNotEquals": {key: kms_key_arn}}
    return [
        _refuse(what, "s3:PutObject", [_under(bucket_arn, OBJECT_PREFIX)], each) for what, each in conditions.items()
    ]


def refuse_other_networks(bucket_arn: Arn, cidrs: Texts, vpc_ids: Texts) -> list[Statement]:
    """Bucket policy: deny presigned requests that come neither from these addresses nor from these VPCs.

    Without either, nothing is denied. What comes through a VPC endpoint has no aws:SourceIp, anything else no
    aws:SourceVpc, and a negated operator is true of a key that is not there.
    Source: IAM user guide, "AWS global condition context keys" and "Condition operators".
    """
    elsewhere: dict[str, Any] = {}
    if not is_empty(cidrs):
        elsewhere["NotIpAddress"] = {"aws:SourceIp": cidrs}
    if not is_empty(vpc_ids):
        elsewhere["StringNotEquals"] = {"aws:SourceVpc": vpc_ids}
    if not elsewhere:
        return []
    return [_refuse("OtherNetworks", "s3:*", _all_of(bucket_arn), {**_PRESIGNED, **elsewhere})]


def _refuse(what: str, actions: str, resources: Sequence[Arn], condition: Mapping[str, Any]) -> Statement:
    return {
        "Sid": f"Refuse{what}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": list(resources),
        "Condition": condition,
    }


def _all_of(bucket_arn: Arn) -> list[Arn]:
    return [bucket_arn, _under(bucket_arn, "")]


def _under(bucket_arn: Arn, prefix: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket_arn, "/", prefix, "*")
