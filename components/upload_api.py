"""UploadApi: grants permission to send a file, and takes the file.

client --POST /uploads--> RestApi --> create_upload --> status table: pending
client <-- presigned PUT, form, or plan of parts
client ==== bytes ====> ingest bucket --> EventBridge
client --GET /uploads/{upload_id}--> RestApi --> status table
"""

import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components import iam
from components.api.functions import CALLS, UploadFunctions
from components.api.openapi import Contract
from components.api.rest_api import RestApi
from components.api.session_key import SessionKey
from components.api.user_pool import UserPool
from components.arguments import limits
from components.arguments.constraints import MaybeOutput
from components.arguments.names import (
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
from components.arguments.upload_api import UploadApiArgs
from components.compute.lambda_function import LIVE, LambdaFunction
from components.storage.ingest_bucket import IngestBucket

__all__ = ["UploadApi", "UploadApiArgs"]

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
    """Id of the client through which users sign in; None if a pool is given."""
    result_reader_role_name: pulumi.Output[str]
    """What the ProcessingPipeline is to let read results, for GET /uploads/{upload_id}/result."""
    bucket_name: pulumi.Output[str]
    """Where the objects are, under uploads/{owner}/{upload_id}."""
    bucket_arn: pulumi.Output[str]
    """What statements are written on."""

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = UploadApiArgs.of(args)
        check_names("UploadApi", name, _NAMES)
        super().__init__("portage:index:UploadApi", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = IngestBucket(f"{name}-ingest", args, child)
        session_key = SessionKey(f"{name}-session-key", args, child)
        functions = UploadFunctions(
            name,
            args,
            bucket_name=bucket.bucket_name,
            bucket_arn=bucket.bucket_arn,
            session_key_arn=session_key.secret_arn,
            opts=child,
        ).functions
        user_pool_arn, self.user_pool_id, self.user_pool_client_id = self._users(name, args)
        api = RestApi(f"{name}-rest", args, self._contract(name, args, functions, user_pool_arn), child)
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

    def _users(
        self, name: str, args: UploadApiArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Output[str | None]]:
        """The pool's ARN and id, and the client's id: made here, or the pool that was given."""
        if args.user_pool_arn is not None:
            arn = pulumi.Output.from_input(args.user_pool_arn)
            return arn, arn.apply(lambda known: known.split("/")[-1]), pulumi.Output.from_input(None)
        users = UserPool(f"{name}-users", args, pulumi.ResourceOptions(parent=self))
        return users.user_pool_arn, users.user_pool_id, users.client_id

    def _contract(
        self,
        name: str,
        args: UploadApiArgs,
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
                f"{name}-read-status-policy", iam.read_an_upload(args.table_arn), *iam.decrypt(args.kms_key_arn)
            ),
            opts=child,
        )
        here = pulumi.InvokeOptions(parent=self)
        surroundings = pulumi.Output.all(
            region=MaybeOutput(limits.REGION).check(
                "UploadApi: the provider's region", aws.get_region_output(opts=here).region
            ),
            partition=aws.get_partition_output(opts=here).partition,
            allowed_origins=args.allowed_origins,
            allow_forms=args.allow_forms,
            table_name=args.table_name,
            user_pool_arn=user_pool_arn,
            invoke_arns={operation: function.invoke_arn for operation, function in functions.items()},
            # By way of the policy: the API must not be on the air before it may read.
            read_status_role_arn=pulumi.Output.all(role.arn, policy.id).apply(lambda both: both[0]),
        )
        return surroundings.apply(lambda known: json.dumps(Contract(**known).document(), sort_keys=True))
