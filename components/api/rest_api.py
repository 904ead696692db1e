"""The building block that puts an OpenAPI document on the air: API, deployment, stage, throttles and access log."""

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
"""One line a request, in JSON; never a token, a URL or a file name."""


class RestApi(pulumi.ComponentResource):
    """A regional REST API with one stage."""

    url: pulumi.Output[str]
    execution_arn: pulumi.Output[str]
    """What permissions to invoke a function name as their source."""

    def __init__(
        self, name: str, args: UploadApiArgs, body: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Publish `body`, an OpenAPI document as JSON. The API is redeployed exactly when it changes."""
        super().__init__("portage:index:RestApi", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigateway.RestApi(
            name,
            description="Creates uploads and returns their state",
            body=body,
            endpoint_configuration={"types": "REGIONAL"},
            security_policy=SECURITY_POLICY,
            endpoint_access_mode="STRICT",  # requests must name the API's own host in TLS (SNI) and HTTP alike
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
        # API Gateway would make it itself, and keep what is in it for ever.
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
            # API Gateway refuses a stage with a log before the account has a role to write it.
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
        self.url = stage.invoke_url
        self.execution_arn = api.execution_arn
        self.register_outputs({"url": self.url, "execution_arn": self.execution_arn})

    def _account_logging(self, name: str) -> aws.apigateway.Account:
        """Make the one setting of an account and region, or return the one that another API of this provider made.

        Two settings would overwrite each other. It is not found where two providers have one account and region.
        """
        made = runs.shared("API Gateway's account settings")
        provider = runs.provider_key(self, ACCOUNT_TYPE)
        maker, account = made.get(provider, (name, None))
        if maker != name:
            return account
        role = aws.iam.Role(
            f"{name}-account-log-role",
            assume_role_policy=iam.trust("apigateway.amazonaws.com"),
            # The setting below stays when the stack goes, and so must its role.
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
            # One setting serves all APIs of the account and region: another stack's must not lose its log.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=[policy]),
        )
        made[provider] = (name, account)
        return account


def _fingerprint(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
