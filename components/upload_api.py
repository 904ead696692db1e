"""UploadApi: grants permission to send a file, and takes the file.

client --POST /uploads--> RestApi --> create_upload --> status table: pending
client <-- presigned PUT, form, or plan of parts
client ==== bytes ====> ingest bucket --> EventBridge
client --GET /uploads/{upload_id}--> RestApi --> status table
"""

import json
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import iam, limits
from components.arguments import ArgumentError, Each, Flag, OrOutput, checked
from components.ingest_bucket import IngestBucket, IngestBucketArgs
from components.lambda_function import LIVE, LambdaFunction
from components.names import (
    BUCKET,
    FUNCTION,
    LOG_GROUP,
    PERMISSION,
    REST_API,
    ROLE,
    ROLE_POLICY,
    SECRET,
    USER_POOL,
    USER_POOL_CLIENT,
    check_names,
)
from components.openapi import Contract
from components.rest_api import RestApi
from components.session_key import SessionKey, SessionKeyArgs
from components.upload_functions import CALLS, UploadFunctions, UploadFunctionsArgs
from components.user_pool import UserPool


class UploadApiArgs(TypedDict):
    """What an upload API is given, and what may differ between two."""

    table_name: pulumi.Input[str]
    """StatusTracker's table."""
    table_arn: pulumi.Input[str]
    """The ARN of StatusTracker's table."""
    user_pool_arn: NotRequired[pulumi.Input[str] | None]
    """A Cognito user pool whose users may upload; one is made, with a client, if left out."""
    allow_sign_up: NotRequired[bool]
    """Whether anybody may sign up in the pool made here; false if left out: an administrator makes users."""
    allowed_origins: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """Origins of web pages that may call, such as https://app.example.com; none if left out.

    At most 3,000 characters together with allowed_content_types.
    """
    allowed_source_cidrs: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """Networks from which files may be sent, such as 203.0.113.0/24; any if this and the VPCs are left out.

    At most 16,000 characters together with allowed_source_vpc_ids.
    """
    allowed_source_vpc_ids: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """VPCs from which files may be sent through their S3 endpoint, such as vpc-0a1b2c3d4e5f60718."""
    max_upload_bytes: NotRequired[int]
    """Quota: an owner's largest file, 1 byte to 48.8 TiB (S3's limit for 10,000 parts), 100 GiB if left out."""
    max_open_uploads: NotRequired[int]
    """Quota: an owner's uploads that are declared and not sent yet, 1 to 5,000 (the places that fit one page of a
    DynamoDB Query); 1,000 if left out. An aborted PUT or form counts until its URL expires. A lower limit does not end
    open uploads, and it is exact once those are over."""
    allowed_content_types: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    """Quota: what an owner may declare, such as application/pdf or image/*; everything if left out.

    A wildcard leaves out what can run, such as image/svg+xml; name it. Give ProcessingPipeline the same list.
    """
    allow_forms: NotRequired[bool]
    """Whether files may come by browsers' forms, whose objects S3 lets be overwritten; true if left out."""
    multipart_threshold_bytes: NotRequired[int]
    """Files over this size go up in parts, unless the client asks otherwise: 1 byte to 5 GiB, 64 MiB if left out."""
    session_expires_in_seconds: NotRequired[int]
    """Time to sign parts before the client asks for a new session: 3,600 to 604,800 s, 86,400 if left out."""
    session_key_rotation_days: NotRequired[int]
    """Days after which sessions are signed with a new key: 8 to 1,000, 30 if left out."""
    url_expires_in_seconds: NotRequired[int]
    """Time to start sending: 1 to 3,600 s, 900 if left out."""
    record_retention_days: NotRequired[int]
    """Days after which an upload's record is deleted: 1 to 3,650, 90 if left out.

    It is kept for at least 15 days after its URL expires, or 29 days where it comes in parts: until then its bytes may
    come, or their event wait in a queue.
    """
    object_expiration_days: NotRequired[int | None]
    """Days after which uploaded objects are deleted: 1 to 3,650; never if left out."""
    noncurrent_version_days: NotRequired[int]
    """Days for which an overwritten or deleted object can be brought back: 1 to 3,650, 30 if left out."""
    throttle_rate: NotRequired[int]
    """Requests a second: 1 to 10,000, 50 if left out."""
    throttle_burst: NotRequired[int]
    """Requests at once on top: 1 to 5,000, 100 if left out."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARN, ERROR or FATAL; INFO if left out."""
    log_retention_days: NotRequired[int]
    """Days for which logs are kept, as CloudWatch Logs allows them; 30 if left out."""
    kms_key_arn: NotRequired[pulumi.Input[str] | None]
    """The customer's key for the bucket, and for the table if it has one; AWS's own if left out."""
    deletion_protection: NotRequired[bool]
    """Whether bucket and user pool refuse to be deleted; true if left out."""
    manage_account_logging: NotRequired[bool]
    """Whether to set the one role with which API Gateway logs for the account and region; true if left out.

    APIs of one program and provider set it once. Say false where another program, or another provider of the same
    account and region, sets it.
    """


_RULES: dict[str, Any] = {
    "table_name": (OrOutput(limits.TABLE_NAME), None),
    "table_arn": (OrOutput(limits.TABLE_ARN), None),
    "user_pool_arn": (OrOutput(limits.USER_POOL_ARN), None),
    "allow_sign_up": (Flag(), False),
    "allowed_origins": (OrOutput(Each(limits.ORIGIN)), []),
    "allowed_source_cidrs": (OrOutput(Each(limits.SOURCE_CIDR)), []),
    "allowed_source_vpc_ids": (OrOutput(Each(limits.SOURCE_VPC_ID)), []),
    "max_upload_bytes": (limits.UPLOAD_BYTES, 100 * 1024**3),
    "max_open_uploads": (limits.OPEN_UPLOADS, 1_000),
    "allowed_content_types": (OrOutput(Each(limits.CONTENT_TYPE)), []),
    "allow_forms": (Flag(), True),
    "multipart_threshold_bytes": (limits.MULTIPART_THRESHOLD, 64 * 1024**2),
    "url_expires_in_seconds": (limits.URL_SECONDS, 900),
    "session_expires_in_seconds": (limits.SESSION_SECONDS, 86_400),
    "session_key_rotation_days": (limits.ROTATION_DAYS, 30),
    "record_retention_days": (limits.RETENTION_DAYS, 90),
    "object_expiration_days": (limits.RETENTION_DAYS, None),
    "noncurrent_version_days": (limits.RETENTION_DAYS, 30),
    "throttle_rate": (limits.THROTTLE_RATE, 50),
    "throttle_burst": (limits.THROTTLE_BURST, 100),
    "log_level": (limits.LOG_LEVEL, "INFO"),
    "log_retention_days": (limits.LOG_RETENTION_DAYS, 30),
    "kms_key_arn": (OrOutput(limits.KMS_KEY_ARN), None),
    "deletion_protection": (Flag(), True),
    "manage_account_logging": (Flag(), True),
}


_FUNCTIONS_OPTIONS = (
    "allowed_origins",
    "max_upload_bytes",
    "max_open_uploads",
    "allowed_content_types",
    "allow_forms",
    "multipart_threshold_bytes",
    "url_expires_in_seconds",
    "session_expires_in_seconds",
    "record_retention_days",
    "log_level",
    "log_retention_days",
    "kms_key_arn",
)


_NAMES = {
    BUCKET: "-ingest",
    FUNCTION: "-session-key-rotate",
    PERMISSION: "-session-key-invokes-rotate",
    ROLE: "-session-key-rotate-role",
    ROLE_POLICY: "-session-key-rotate-policy",
    LOG_GROUP: "-session-key-rotate-log",
    SECRET: "-session-key",
    USER_POOL: "-users",
    USER_POOL_CLIENT: "-users-client",
    REST_API: "-rest",
}
"""The longest that is added to the component's name for a name in AWS, by type."""


class UploadApi(pulumi.ComponentResource):
    """The front door. What comes through the gateway is small; the bytes go to the bucket, past it."""

    url: pulumi.Output[str]
    """Where /uploads is."""
    user_pool_id: pulumi.Output[str]
    """Whose ID tokens the API takes."""
    user_pool_client_id: pulumi.Output[str | None]
    """What people sign in through; None where the pool was given, since its client is its owner's."""
    result_reader_role_name: pulumi.Output[str]
    """What the ProcessingPipeline is to let read results, for GET /uploads/{upload_id}/result."""
    bucket_name: pulumi.Output[str]
    """Where the objects are, under uploads/{owner}/{upload_id}."""
    bucket_arn: pulumi.Output[str]
    """What statements are written on."""

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = checked(UploadApiArgs, args, _RULES)
        for space in limits.SHARED_SPACES:
            if fault := space.fault(given, str):
                raise ArgumentError(f"UploadApi: {fault}")
        check_names("UploadApi", name, _NAMES)
        super().__init__("portage:index:UploadApi", name, {}, opts)
        bucket = IngestBucket(
            f"{name}-ingest",
            IngestBucketArgs(**{option: given[option] for option in IngestBucketArgs.__annotations__}),
            pulumi.ResourceOptions(parent=self),
        )
        functions = self._functions(name, given, bucket)
        user_pool_arn, self.user_pool_id, self.user_pool_client_id = self._users(name, given)
        api = RestApi(
            f"{name}-rest",
            {
                "body": self._contract(name, given, functions, user_pool_arn),
                "description": "Grants uploads and tells how far they are",
                "throttle_rate": given["throttle_rate"],
                "throttle_burst": given["throttle_burst"],
                "log_retention_days": given["log_retention_days"],
                "manage_account_logging": given["manage_account_logging"],
            },
            pulumi.ResourceOptions(parent=self),
        )
        for operation, call in CALLS.items():
            aws.lambda_.Permission(
                f"{name}-invokes-{call.purpose}",
                action="lambda:InvokeFunction",
                function=functions[operation].function_name,
                qualifier=LIVE,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(api.execution_arn, f"/*/{call.verb}{call.path}"),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.url = api.url
        self.result_reader_role_name = functions["getResult"].role_name
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.bucket_arn
        self.register_outputs(
            {
                "url": self.url,
                "result_reader_role_name": self.result_reader_role_name,
                "user_pool_id": self.user_pool_id,
                "user_pool_client_id": self.user_pool_client_id,
                "bucket_name": self.bucket_name,
                "bucket_arn": self.bucket_arn,
            }
        )

    def _functions(self, name: str, given: dict[str, Any], bucket: IngestBucket) -> Mapping[str, LambdaFunction]:
        """The operations of the contract that need code, by their names there."""
        child = pulumi.ResourceOptions(parent=self)
        log = {"log_level": given["log_level"], "log_retention_days": given["log_retention_days"]}
        session_key = SessionKey(
            f"{name}-session-key",
            SessionKeyArgs(
                rotation_days=given["session_key_rotation_days"],
                kms_key_arn=given["kms_key_arn"],
                deletion_protection=given["deletion_protection"],
                **log,
            ),
            child,
        )
        made = UploadFunctions(
            name,
            UploadFunctionsArgs(
                table_name=given["table_name"],
                table_arn=given["table_arn"],
                bucket_name=bucket.bucket_name,
                bucket_arn=bucket.bucket_arn,
                session_key_arn=session_key.secret_arn,
                **{option: given[option] for option in _FUNCTIONS_OPTIONS},
            ),
            child,
        )
        return made.functions

    def _users(
        self, name: str, given: dict[str, Any]
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Output[str | None]]:
        """The pool's ARN and id, and the client's id: made here, or the pool that was given."""
        if given["user_pool_arn"] is not None:
            arn = pulumi.Output.from_input(given["user_pool_arn"])
            return arn, arn.apply(lambda known: known.split("/")[-1]), pulumi.Output.from_input(None)
        users = UserPool(
            f"{name}-users",
            {"allow_sign_up": given["allow_sign_up"], "deletion_protection": given["deletion_protection"]},
            pulumi.ResourceOptions(parent=self),
        )
        return users.user_pool_arn, users.user_pool_id, users.client_id

    def _contract(
        self,
        name: str,
        given: dict[str, Any],
        functions: Mapping[str, LambdaFunction],
        user_pool_arn: pulumi.Output[str],
    ) -> pulumi.Output[str]:
        """The OpenAPI document, and the role with which API Gateway itself reads the status table."""
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-read-status-role", assume_role_policy=iam.trust("apigateway.amazonaws.com"), opts=child
        )
        policy = aws.iam.RolePolicy(
            f"{name}-read-status-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-read-status-policy", iam.read_an_upload(given["table_arn"]), *iam.decrypt(given["kms_key_arn"])
            ),
            opts=child,
        )
        here = pulumi.InvokeOptions(parent=self)
        surroundings = pulumi.Output.all(
            region=OrOutput(limits.REGION).check(
                "UploadApi: the provider's region", aws.get_region_output(opts=here).region
            ),
            partition=aws.get_partition_output(opts=here).partition,
            allowed_origins=given["allowed_origins"],
            allow_forms=given["allow_forms"],
            table_name=given["table_name"],
            user_pool_arn=user_pool_arn,
            invoke_arns={operation: function.invoke_arn for operation, function in functions.items()},
            # By way of the policy: the API must not be on the air before it may read.
            read_status_role_arn=pulumi.Output.all(role.arn, policy.id).apply(lambda both: both[0]),
        )
        return surroundings.apply(lambda known: json.dumps(Contract(**known).document(), sort_keys=True))
