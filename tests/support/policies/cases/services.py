"""Cases of the rules for SNS, API Gateway, DynamoDB, EventBridge, Step Functions, EFS and Secrets Manager."""

import json

import pulumi_aws as aws

from tests.support.policies.cases.case import case, deny_without_tls, document

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:g"
ROLE = "arn:aws:iam::123456789012:role/r"


def everybody(action: str, *, ok: bool) -> dict[str, object]:
    condition = {"StringEquals": {"aws:SourceAccount": "123456789012"}} if ok else {}
    return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*", "Condition": condition}


@case("sns-topic-is-encrypted")
def topic(n: str, *, ok: bool) -> None:
    aws.sns.Topic(n, kms_master_key_id="alias/k" if ok else None)


@case("sns-topic-policy-is-not-public")
def topic_policy(n: str, *, ok: bool) -> None:
    aws.sns.TopicPolicy(n, arn="a", policy=document(everybody("sns:Publish", ok=ok)))


@case("sns-topic-policy-requires-tls")
def topic_tls(n: str, *, ok: bool) -> None:
    aws.sns.TopicPolicy(n, arn="a", policy=document(deny_without_tls("sns:Publish" if ok else "sns:Subscribe")))


@case("sns-topic-policy-requires-tls")
def topic_with_policy(n: str, *, ok: bool) -> None:
    aws.sns.Topic(n, policy=document(deny_without_tls("sns:Publish" if ok else "sns:Subscribe")))


@case("sns-subscription-has-dead-letters")
def subscription(n: str, *, ok: bool) -> None:
    redrive = json.dumps({"deadLetterTargetArn": QUEUE}) if ok else None
    aws.sns.TopicSubscription(n, topic="t", protocol="sqs", endpoint=QUEUE, redrive_policy=redrive)


@case("apigateway-stage-logs-requests")
def stage_log(n: str, *, ok: bool) -> None:
    log: aws.apigateway.StageAccessLogSettingsArgsDict = {"destination_arn": LOGS, "format": "$context.requestId"}
    aws.apigateway.Stage(n, rest_api="a", deployment="d", stage_name="v1", access_log_settings=log if ok else None)


@case("apigateway-stage-is-traced")
def stage_traces(n: str, *, ok: bool) -> None:
    aws.apigateway.Stage(n, rest_api="a", deployment="d", stage_name="v1", xray_tracing_enabled=ok)


@case("apigateway-method-logs-no-bodies")
def bodies(n: str, *, ok: bool) -> None:
    settings: aws.apigateway.MethodSettingsSettingsArgsDict = {"data_trace_enabled": not ok}
    aws.apigateway.MethodSettings(n, rest_api="a", stage_name="v1", method_path="*/*", settings=settings)


@case("apigateway-method-logs-no-bodies")
def bodies_of_websocket(n: str, *, ok: bool) -> None:
    aws.apigatewayv2.Stage(n, api_id="a", default_route_settings={"data_trace_enabled": not ok})


@case("apigateway-methods-are-throttled")
def throttled(n: str, *, ok: bool) -> None:
    settings: aws.apigateway.MethodSettingsSettingsArgsDict = {
        "throttling_rate_limit": 10,
        "throttling_burst_limit": 20 if ok else -1,
    }
    aws.apigateway.MethodSettings(n, rest_api="a", stage_name="v1", method_path="*/*", settings=settings)


@case("apigateway-stage-has-method-settings")
def stage_with_settings(n: str, *, ok: bool) -> None:
    stage = aws.apigateway.Stage(n, rest_api="a", deployment="d", stage_name="v1")
    path = "*/*" if ok else "uploads/POST"
    aws.apigateway.MethodSettings(f"{n}-s", rest_api="a", stage_name=stage.stage_name, method_path=path, settings={})


@case("apigateway-stage-has-method-settings")
def stage_that_is_named_by_text(n: str, *, ok: bool) -> None:
    aws.apigateway.Stage(n, rest_api="a", deployment="d", stage_name="v1")
    api = "a" if ok else "b"
    aws.apigateway.MethodSettings(f"{n}-s", rest_api=api, stage_name="v1", method_path="*/*", settings={})


@case("apigateway-domain-requires-tls12")
def domain(n: str, *, ok: bool) -> None:
    aws.apigateway.DomainName(n, domain_name="api.example.com", security_policy="TLS_1_2" if ok else None)


@case("apigateway-v2-domain-requires-tls12")
def v2_domain(n: str, *, ok: bool) -> None:
    aws.apigatewayv2.DomainName(
        n,
        domain_name="api.example.com",
        domain_name_configuration={
            "certificate_arn": "c",
            "endpoint_type": "REGIONAL",
            "security_policy": "TLS_1_2" if ok else "TLS_1_0",
        },
    )


@case("apigateway-rest-api-requires-tls12")
def rest_api(n: str, *, ok: bool) -> None:
    aws.apigateway.RestApi(n, security_policy="SecurityPolicy_TLS13_1_2_2021_06" if ok else None)


@case("apigateway-route-is-authorized")
def route(n: str, *, ok: bool) -> None:
    aws.apigatewayv2.Route(n, api_id="a", route_key="$connect", authorization_type="CUSTOM" if ok else "NONE")


@case("apigateway-route-is-authorized")
def route_of_http_api(n: str, *, ok: bool) -> None:
    aws.apigatewayv2.Route(n, api_id="a", route_key="POST /a", authorization_type="JWT" if ok else None)


@case("apigateway-v2-stage-logs-requests")
def v2_stage(n: str, *, ok: bool) -> None:
    log: aws.apigatewayv2.StageAccessLogSettingsArgsDict = {"destination_arn": LOGS, "format": "$context.requestId"}
    aws.apigatewayv2.Stage(n, api_id="a", access_log_settings=log if ok else None)


@case("dynamodb-table-recovers-to-a-point-in-time")
def recovery(n: str, *, ok: bool) -> None:
    aws.dynamodb.Table(n, hash_key="id", point_in_time_recovery={"enabled": ok})


@case("dynamodb-table-is-protected-from-deletion")
def protection(n: str, *, ok: bool) -> None:
    aws.dynamodb.Table(n, hash_key="id", deletion_protection_enabled=ok)


@case("dynamodb-table-encrypts-with-kms")
def table_key(n: str, *, ok: bool) -> None:
    aws.dynamodb.Table(n, hash_key="id", server_side_encryption={"enabled": ok})


@case("events-bus-has-policy")
def bus(n: str, *, ok: bool) -> None:
    own = aws.cloudwatch.EventBus(n, name="own")
    if ok:
        aws.cloudwatch.EventBusPolicy(f"{n}p", event_bus_name=own.name, policy=document())


@case("events-bus-has-policy")
def bus_with_permission(n: str, *, ok: bool) -> None:
    own = aws.cloudwatch.EventBus(n, name="own")
    if ok:
        aws.cloudwatch.EventPermission(f"{n}p", event_bus_name=own.name, principal="123456789012", statement_id="other")


@case("events-bus-policy-is-not-public")
def bus_policy(n: str, *, ok: bool) -> None:
    aws.cloudwatch.EventBusPolicy(n, policy=document(everybody("events:PutEvents", ok=ok)))


@case("events-rule-pattern-names-its-source")
def pattern(n: str, *, ok: bool) -> None:
    pattern = {"source": ["aws.s3"]} if ok else {"detail": {"size": [1]}}
    aws.cloudwatch.EventRule(n, event_pattern=json.dumps(pattern))


@case("stepfunctions-state-machine-logs")
def execution_log(n: str, *, ok: bool) -> None:
    level = "ERROR" if ok else "OFF"
    aws.sfn.StateMachine(n, definition="{}", role_arn=ROLE, logging_configuration={"level": level})


@case("stepfunctions-state-machine-logs-no-data")
def execution_data(n: str, *, ok: bool) -> None:
    logging: aws.sfn.StateMachineLoggingConfigurationArgsDict = {"level": "ALL", "include_execution_data": not ok}
    aws.sfn.StateMachine(n, definition="{}", role_arn=ROLE, logging_configuration=logging)


@case("stepfunctions-state-machine-is-traced")
def execution_traces(n: str, *, ok: bool) -> None:
    aws.sfn.StateMachine(n, definition="{}", role_arn=ROLE, tracing_configuration={"enabled": ok})


@case("efs-file-system-is-encrypted")
def file_system(n: str, *, ok: bool) -> None:
    aws.efs.FileSystem(n, encrypted=ok)


@case("efs-access-point-enforces-user")
def access_point_user(n: str, *, ok: bool) -> None:
    aws.efs.AccessPoint(n, file_system_id="f", posix_user={"uid": 1000 if ok else 0, "gid": 1000})


@case("efs-access-point-enforces-user")
def access_point_without_user(n: str, *, ok: bool) -> None:
    aws.efs.AccessPoint(n, file_system_id="f", posix_user={"uid": 1000, "gid": 1000} if ok else None)


@case("efs-access-point-enforces-folder")
def access_point_folder(n: str, *, ok: bool) -> None:
    aws.efs.AccessPoint(n, file_system_id="f", root_directory={"path": "/work" if ok else "/"})


@case("efs-policy-is-not-public")
def file_system_policy(n: str, *, ok: bool) -> None:
    mounted = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}} if ok else {}
    allowed = {**everybody("elasticfilesystem:ClientWrite", ok=False), "Condition": mounted}
    aws.efs.FileSystemPolicy(n, file_system_id="f", policy=document(allowed))


@case("secrets-secret-is-rotated")
def rotation(n: str, *, ok: bool) -> None:
    secret = aws.secretsmanager.Secret(n)
    if ok:
        rules: aws.secretsmanager.SecretRotationRotationRulesArgsDict = {"automatically_after_days": 30}
        aws.secretsmanager.SecretRotation(f"{n}r", secret_id=secret.id, rotation_rules=rules)
