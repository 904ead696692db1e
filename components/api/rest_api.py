"""The building block that deploys an OpenAPI document: API, deployment, stage, throttles and access log."""

import hashlib
import json

import pulumi
import pulumi_aws as aws

from components import iam, runs
from components.arguments.upload_api import UploadApiArgs

STAGE = "v1"

ACCOUNT_TYPE = "aws:apigateway/account:Account"

SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_2021_06"
"""TLS 1.2 or newer. Source: API Gateway developer guide, "Supported security policies"."""

ACCESS_LOG = {
    "request_id": "$context.requestId",
    "requested_at": "$context.requestTime",
    "source_ip": "$context.identity.sourceIp",
    "owner": "$context.authorizer.claims.sub",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
    "error": "$context.error.responseType",
    "trace": "$context.xrayTraceId",
}
"""One line of JSON for each request, without tokens, URLs and file names."""


class RestApi(pulumi.ComponentResource):
    """A regional REST API with one stage."""

    url: pulumi.Output[str]
    execution_arn: pulumi.Output[str]
    """ARN that begins the source of each permission to invoke a function."""
    rest_api_id: pulumi.Output[str]
    stage_name: pulumi.Output[str]
    stage_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: UploadApiArgs, body: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Deploy `body`, an OpenAPI document as JSON. Only a change of it redeploys the API."""
        super().__init__("portage:index:RestApi", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigateway.RestApi(
            name,
            description="Creates uploads and returns their state",
            body=body,
            endpoint_configuration={"types": "REGIONAL"},
            security_policy=SECURITY_POLICY,
            endpoint_access_mode="STRICT",  # the host in TLS (SNI) and in HTTP must be the API's
            opts=child,
        )
        deployment = aws.apigateway.Deployment(
            f"{name}-deployment",
            rest_api=api.id,
            triggers={"contract": pulumi.Output.from_input(body).apply(_fingerprint)},
            opts=child,
        )
        access_log = aws.cloudwatch.LogGroup(
            f"{name}-access-log", retention_in_days=args.log_retention_days, opts=child
        )
        # Otherwise API Gateway creates it, and keeps its events forever.
        execution_log = aws.cloudwatch.LogGroup(
            f"{name}-execution-log",
            name=pulumi.Output.concat("API-Gateway-Execution-Logs_", api.id, "/", STAGE),
            retention_in_days=args.log_retention_days,
            opts=child,
        )
        logging: list[pulumi.Resource] = [self._account_logging(name)] if args.manage_account_logging else []
        stage = aws.apigateway.Stage(
            f"{name}-stage",
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": access_log.arn, "format": json.dumps(ACCESS_LOG)},
            xray_tracing_enabled=True,
            # API Gateway rejects a stage with a log if the account has no role to write logs.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[execution_log, *logging]),
        )
        aws.apigateway.MethodSettings(
            f"{name}-settings",
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "throttling_rate_limit": args.throttle_rate,
                "throttling_burst_limit": args.throttle_burst,
                "metrics_enabled": True,
                "logging_level": "ERROR",
                "data_trace_enabled": False,  # it would log tokens and presigned URLs
            },
            opts=child,
        )
        self.url, self.execution_arn = stage.invoke_url, api.execution_arn
        # The stage's, so that what uses the API with it, such as a web ACL, is made after the stage.
        self.rest_api_id, self.stage_name, self.stage_arn = stage.rest_api, stage.stage_name, stage.arn
        self.register_outputs(
            {
                "url": self.url,
                "execution_arn": self.execution_arn,
                "rest_api_id": self.rest_api_id,
                "stage_name": self.stage_name,
                "stage_arn": self.stage_arn,
            }
        )

    def _account_logging(self, name: str) -> aws.apigateway.Account:
        """Create the setting of the account and region, or return the one that another API of this provider created.

        Two of them would overwrite each other. This cannot find the one of another provider of the same account.
        """
        made = runs.shared("API Gateway's account settings")
        provider = runs.provider_key(self, ACCOUNT_TYPE)
        maker, account = made.get(provider, (name, None))
        if maker != name:
            return account
        role = aws.iam.Role(
            f"{name}-account-log-role",
            assume_role_policy=iam.trust("apigateway.amazonaws.com"),
            # The setting below outlives the stack, and needs its role.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-account-log-policy",
            role=role.name,
            policy=iam.role_policy(f"{name}-account-log-policy", iam.push_api_logs()),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        account = aws.apigateway.Account(
            f"{name}-account",
            cloudwatch_role_arn=role.arn,
            # The setting applies to all APIs of the account and region: other stacks need it for their logs.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=[policy]),
        )
        made[provider] = (name, account)
        return account


def _fingerprint(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
