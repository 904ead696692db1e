"""UploadApi: presigns uploads, and receives the files.

client --POST /uploads--> RestApi --> create_upload --> status table: pending
client <-- presigned PUT, form, or plan of parts
client ==== bytes ====> ingest bucket --> EventBridge
client --GET /uploads/{upload_id}--> RestApi --> status table
"""

import json

import pulumi
import pulumi_aws as aws

from components import iam
from components.api.functions import UploadFunctions
from components.api.openapi import Deployment
from components.api.operations import OPERATIONS, Backing, TableRead, functions
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
    TOPIC,
    USER_POOL,
    USER_POOL_CLIENT,
    check_names,
)
from components.arguments.upload_api import UploadApiArgs
from components.compute.lambda_function import LIVE
from components.descendants import with_descendants
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
    TOPIC: "-ingest-created",
}
"""The longest suffix of the component's name, for each type with a limit for its names in AWS."""


class UploadApi(pulumi.ComponentResource):
    """The API that presigns uploads, and the bucket that receives the files directly from clients."""

    url: pulumi.Output[str]
    """URL of the API, without /uploads."""
    rest_api_id: pulumi.Output[str]
    """Id of the REST API, for a custom domain's base path mapping."""
    rest_api_stage_name: pulumi.Output[str]
    """Name of the REST API's stage, for base path mappings and alarms."""
    rest_api_stage_arn: pulumi.Output[str]
    """ARN of the stage, for a web ACL of WAF."""
    user_pool_id: pulumi.Output[str]
    """Id of the user pool; the API accepts its ID tokens."""
    user_pool_client_id: pulumi.Output[str | None]
    """Id of the client through which users sign in; None if a pool is given."""
    result_reader_role_name: pulumi.Output[str]
    """Name of the role that reads results for GET /uploads/{upload_id}/result; give it to ProcessingPipeline."""
    bucket_name: pulumi.Output[str]
    """Name of the bucket with the objects, under uploads/{owner}/{upload_id}."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    notification_topic_arn: pulumi.Output[str]
    """ARN of the topic of S3's notifications; empty where EventBridge starts jobs."""

    def __init__(self, name: str, args: UploadApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = UploadApiArgs.of(args)
        check_names("UploadApi", name, _NAMES)
        super().__init__("portage:index:UploadApi", name, {}, with_descendants(opts, args))
        child = pulumi.ResourceOptions(parent=self)
        bucket = IngestBucket(f"{name}-ingest", args, child)
        session_key = SessionKey(f"{name}-session-key", args, child)
        backing = Backing(args, bucket.bucket_name, bucket.bucket_arn, session_key.secret_arn)
        made = UploadFunctions(name, backing, child).functions
        user_pool_arn, self.user_pool_id, self.user_pool_client_id = self._users(name, args)
        invoke_arns = {operation_id: function.invoke_arn for operation_id, function in made.items()}
        api = RestApi(f"{name}-rest", args, self._document(name, backing, invoke_arns, user_pool_arn), child)
        for operation_id, (operation, _) in functions().items():
            aws.lambda_.Permission(
                f"{name}-invokes-{operation.purpose}",
                action="lambda:InvokeFunction",
                function=made[operation_id].function_name,
                qualifier=LIVE,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(api.execution_arn, f"/*/{operation.verb}{operation.source_path}"),
                opts=child,
            )
        self.url, self.rest_api_id = api.url, api.rest_api_id
        self.rest_api_stage_name, self.rest_api_stage_arn = api.stage_name, api.stage_arn
        self.result_reader_role_name = made["getResult"].role_name
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.bucket_arn
        self.notification_topic_arn = bucket.topic_arn
        self.register_outputs(
            {
                "url": self.url,
                "rest_api_id": self.rest_api_id,
                "rest_api_stage_name": self.rest_api_stage_name,
                "rest_api_stage_arn": self.rest_api_stage_arn,
                "result_reader_role_name": self.result_reader_role_name,
                "user_pool_id": self.user_pool_id,
                "user_pool_client_id": self.user_pool_client_id,
                "bucket_name": self.bucket_name,
                "bucket_arn": self.bucket_arn,
                "notification_topic_arn": self.notification_topic_arn,
            }
        )

    def _users(
        self, name: str, args: UploadApiArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Output[str | None]]:
        """Return the ARN and id of the pool, and the client's id: of the given pool, or of a new one."""
        if args.user_pool_arn is not None:
            arn = pulumi.Output.from_input(args.user_pool_arn)
            return arn, arn.apply(lambda known: known.split("/")[-1]), pulumi.Output.from_input(None)
        users = UserPool(f"{name}-users", args, pulumi.ResourceOptions(parent=self))
        return users.user_pool_arn, users.user_pool_id, users.client_id

    def _document(
        self,
        name: str,
        backing: Backing,
        invoke_arns: dict[str, pulumi.Output[str]],
        user_pool_arn: pulumi.Output[str],
    ) -> pulumi.Output[str]:
        """Return the OpenAPI document as JSON."""
        args = backing.args
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
            invoke_arns=invoke_arns,
            read_status_role_arn=self._read_status_role_arn(name, backing),
        )
        return surroundings.apply(lambda known: json.dumps(Deployment(**known).document(), sort_keys=True))

    def _read_status_role_arn(self, name: str, backing: Backing) -> pulumi.Output[str]:
        """Return the ARN of the role with which API Gateway itself reads the status table."""
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-read-status-role", assume_role_policy=iam.trust("apigateway.amazonaws.com"), opts=child
        )
        reads = [each.performed_by for each in OPERATIONS if isinstance(each.performed_by, TableRead)]
        policy = aws.iam.RolePolicy(
            f"{name}-read-status-policy",
            role=role.name,
            policy=iam.role_policy(
                f"{name}-read-status-policy", *(statement for read in reads for statement in read.statements(backing))
            ),
            opts=child,
        )
        # An output of role and policy: otherwise the API could be deployed before it may read.
        return pulumi.Output.all(role.arn, policy.id).apply(lambda both: both[0])
